"""The topic of releases, and access to Kafka or to the log in its place."""
