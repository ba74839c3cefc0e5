"""Topics are written to and followed, from the event loop of the API."""
