"""Jobs over HTTP: long work is asked for, watched, cancelled, and its result is fetched."""
