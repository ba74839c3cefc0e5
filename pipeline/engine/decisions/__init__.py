"""What was decided, why, and how a decision is written."""
