"""A run's life: request, lease, log, pace."""
