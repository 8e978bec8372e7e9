"""Command ``inspect``: what would happen to an input."""
