"""Models learn from events and labels, and publish snapshots."""
