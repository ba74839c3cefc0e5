"""Shows models, compares those that challenge others with them, and promotes them."""
