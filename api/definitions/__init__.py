"""Definitions over HTTP: they are checked, stored, published and put in force."""
