"""What a run writes, and its publication."""
