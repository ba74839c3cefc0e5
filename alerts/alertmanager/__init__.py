"""Tells Prometheus' Alertmanager of alerts, by its API v2."""
