"""What leaves the registry: found, reported, staged or archived, and brought back."""
