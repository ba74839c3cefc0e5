"""Thresholds that are learned of entities and of cohorts."""
