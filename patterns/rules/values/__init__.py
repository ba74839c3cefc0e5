"""What rules read of events, and what they say of it in words."""
