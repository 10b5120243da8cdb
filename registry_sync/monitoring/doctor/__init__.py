"""The check-up of a deployment from end to end."""
