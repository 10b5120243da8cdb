"""What `GET /metrics` tells: families by name, tallies of what ended, gauges of what is now."""
