"""What changed between two runs: identities of segments, movement of customers, drift; pure."""
