"""Who is next: each customer's chance to buy in the next period, and the spend to expect of them."""
