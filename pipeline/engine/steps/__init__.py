"""The steps by which a batch of events is decided, a file each."""
