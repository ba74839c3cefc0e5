"""The engine of a system without a broker, and its side jobs."""
