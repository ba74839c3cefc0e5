"""The set of rules of a release: which match an event, which act, and what a match says."""
