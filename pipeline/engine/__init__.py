"""The engine that decides: pure, without any clock or input and output of its own."""
