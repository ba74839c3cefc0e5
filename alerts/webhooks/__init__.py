"""Webhooks: messages to receivers whose addresses users name, signed, and never sent to where they must not go."""
