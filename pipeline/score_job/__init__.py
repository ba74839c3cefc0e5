"""The three stages that decide on a stream, and the Flink job that they make up."""
