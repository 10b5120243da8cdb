"""Retention: old rows that nothing needs any more are deleted, as the settings say."""
