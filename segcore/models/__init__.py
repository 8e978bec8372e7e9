"""Model families: what is fitted, and how a row gets its label."""

CandidateKey = tuple[str, str, int]
"""Family, variant and k of a candidate."""
