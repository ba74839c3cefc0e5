"""Features as of their time are exported, and trees are fitted to them."""
