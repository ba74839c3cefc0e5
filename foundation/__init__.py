"""What every package may use: refusals, documents in YAML, settings, long work in slices, and the cache of compiled kernels."""
