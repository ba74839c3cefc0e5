"""Rules, lists and the policy decide: what matches are, entries of lists, and from score to action."""
