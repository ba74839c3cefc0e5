"""A recorded run is decided again by its stamps, to see whether it comes out the same."""
