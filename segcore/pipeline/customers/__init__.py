"""Stage ``customers``: from partitions of lines to the features of every customer."""
