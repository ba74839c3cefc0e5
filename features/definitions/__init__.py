"""What features.yaml says, and the values of single events that features are made of."""
