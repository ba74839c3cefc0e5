"""The types, operators and functions of expressions."""
