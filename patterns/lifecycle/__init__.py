"""What a rule may do, and how it gets there: the manifest, moves, canaries, promotion and budgets."""
