"""Comparing candidates: criteria, silhouette, stability, structure, agreement."""
