"""Registry Sync: keeps a Benchling Registry true to an external registry."""

__version__ = "0.2.0"
