"""Who are our customers, how do they move, and do the names hold up? One module a question."""
