"""What every package may use: refusals, documents in YAML, settings, and the cache of compiled kernels."""
