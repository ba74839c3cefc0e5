"""What alerts.yaml says: which decisions become alerts, how they are grouped, when they end."""
