"""Model families: what is fitted, and how a row gets its label."""
