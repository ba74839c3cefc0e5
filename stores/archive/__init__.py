"""The archive of events and decisions in Parquet: on files, HDFS or S3."""
