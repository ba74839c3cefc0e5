"""What a verdict does: labels, entries on lists, facts, silences, and the end of holds."""
