"""Stopping by a signal: cleanly where the interpreter gets to it, and in time where it does not."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType

MESSAGE = "stopped by {}; run the same command again to go on"
# A scheduler that stops a job waits 30 seconds (Kubernetes) or longer before it kills.
GRACE_SECONDS = 5.0


class Stopped(SystemExit):
    """A signal came: everything that is open is closed on the way out.

    Attributes
    ----------
    exit_code : int
    signal_name : str
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.exit_code = 128 + number
        self.signal_name = signal.Signals(number).name


def install(fail: Callable[[str, int], object], *, grace: float = GRACE_SECONDS) -> None:
    """Let SIGTERM and SIGINT end the process cleanly, and let neither wait for native code.

    A handler runs when the interpreter is back from what it called, and a query over billions of lines can take
    minutes. So a thread learns of the signal at once, and ends the process when it is still there after some
    seconds; that is as safe as a kill.

    Parameters
    ----------
    fail : callable
        Called with the message and the exit code when the thread ends the process.
    grace : float
        Seconds.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, writer, fail, grace), daemon=True).start()


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)


def _watch(
    reader: socket.socket, writer: socket.socket, fail: Callable[[str, int], object], grace: float
) -> None:
    # `writer` is an argument so that it stays open as long as the thread listens.
    number = 0
    while number not in (signal.SIGINT, signal.SIGTERM):
        number = reader.recv(1)[0]
    time.sleep(grace)
    fail(MESSAGE.format(signal.Signals(number).name), 128 + number)
    os._exit(128 + number)
