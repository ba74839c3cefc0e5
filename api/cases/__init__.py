"""Cases over HTTP: the queue, claims, verdicts, inboxes, and how well cases are reviewed."""
