"""What schema.yaml says, the decoder of events, and events as columns."""
