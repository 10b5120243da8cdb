"""A Benchling tenant and an external registry on loopback, for the demo and the tests."""
