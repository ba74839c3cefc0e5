"""The Common Expression Language: expressions are checked and compiled to run over columns."""
