"""Makes messages to receivers of what happens to alerts."""
