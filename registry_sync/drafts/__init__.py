"""Preparing a field mapping: suggest, preview, publish."""
