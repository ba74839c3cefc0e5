"""How much a rule's match, an alert or a case matters."""

SEVERITIES = ("low", "medium", "high", "critical")
"""From the mildest on."""
