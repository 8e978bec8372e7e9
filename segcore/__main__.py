"""``python -m segcore``."""

from segcore.cli import main

main()
