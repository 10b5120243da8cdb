"""The vocabulary that every room shares; no Django."""
