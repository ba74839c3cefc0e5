"""Facts of entities over HTTP."""
