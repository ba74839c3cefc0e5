"""The HTTP API: the process that serves it, its ASGI entry and its application."""
