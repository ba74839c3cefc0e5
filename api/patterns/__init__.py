"""Rules over HTTP: they are written, measured, led through their lives and carried out."""
