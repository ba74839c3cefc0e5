"""Compiles sequences into arrays that drive the kernels, and says what a key keeps of them."""
