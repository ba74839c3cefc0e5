"""Processes, ports, files, certificates and jars of a machine."""
