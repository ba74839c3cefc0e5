"""Totals of events in Druid or DuckDB."""
