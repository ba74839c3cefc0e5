"""What rules remember of keys: sequences of steps, and learned thresholds."""
