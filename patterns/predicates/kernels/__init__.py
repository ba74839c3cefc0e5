"""The compiled loops that ask conditions of many events."""
