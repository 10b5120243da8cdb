"""Benchling calls us: trust, inbox, handlers."""
