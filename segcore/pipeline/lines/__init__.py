"""Stage ``lines``: from the input's files to partitions of lines."""
