"""The compiled loop over events that counts them into windows."""
