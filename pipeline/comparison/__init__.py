"""What models said of events, held against what the events turned out to be, and how inputs and scores change."""
