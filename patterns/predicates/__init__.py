"""The conditions of all rules are asked together, by one index of their predicates."""
