"""Batches on their way to Benchling."""
