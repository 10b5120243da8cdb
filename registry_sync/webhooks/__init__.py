"""What Benchling sends: trust, inbox, handlers."""
