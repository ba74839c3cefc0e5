"""All features of a release together, and the catalogue that tells of each."""
