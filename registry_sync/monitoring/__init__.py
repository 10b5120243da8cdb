"""The operator's face: health, alerts, metrics."""
