"""Slices, reconciler and worker: everything is composed here."""
