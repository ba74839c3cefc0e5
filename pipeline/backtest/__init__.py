"""Candidates for rules are tried on recorded events beside the rules in force, by the engine of the live system."""
