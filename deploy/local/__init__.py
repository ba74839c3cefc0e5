"""The stack of one machine: which processes there are, in which order they start, and who starts them again."""
