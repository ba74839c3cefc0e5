"""How each server is configured and started: Kafka, Flink, Cassandra, PostgreSQL, Druid, HDFS."""
