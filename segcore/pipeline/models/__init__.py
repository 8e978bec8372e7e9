"""Stages ``models``, ``comparison`` and ``labels``: from features to every customer's label."""
