"""Vega, Vega-Lite and Vega-Embed as one script that needs no network."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache

_BUNDLE = (
    "import sys, vl_convert; sys.stdout.write(vl_convert.javascript_bundle('window.vegaEmbed = vegaEmbed;'))"
)


@cache
def bundled() -> Future[str]:
    """Begin to bundle the script, once, and return what will hold it.

    In a process of its own, since it takes a second in which `vl_convert` holds Python's lock.
    """
    pool = ThreadPoolExecutor(1)
    script = pool.submit(_bundle)
    pool.shutdown(wait=False)
    return script


def _bundle() -> str:
    command = [sys.executable, "-P", "-c", _BUNDLE]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.replace("</script", "<\\/script")
