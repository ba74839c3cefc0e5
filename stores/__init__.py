"""What is kept: the interfaces of all stores. Streets implement them, and know nothing of each other."""
