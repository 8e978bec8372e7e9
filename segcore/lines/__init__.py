"""Lines to customers, pure: cleaning rules, hash order, features, returns, the ledger."""
