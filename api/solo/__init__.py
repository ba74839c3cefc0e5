"""What decides for this process: a broker with Flink, or an engine inside it."""
