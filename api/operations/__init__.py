"""What operators ask: health, the figures of /metrics, and queries of event metrics."""
