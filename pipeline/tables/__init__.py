"""Files of events and labels are read."""
