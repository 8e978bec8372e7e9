"""Which model is chosen, in which words, and whether the run is published."""
