"""The syntax of expressions: tokens, tree, and canonical text."""
