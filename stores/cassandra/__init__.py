"""Decisions in Cassandra."""
