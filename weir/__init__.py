"""What users import by name: tests of a configuration."""
