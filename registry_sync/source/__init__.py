"""The external registry: how it is asked and read; no Django."""
