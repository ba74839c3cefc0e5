"""The log of files that stands in Kafka's place in a solo system."""
