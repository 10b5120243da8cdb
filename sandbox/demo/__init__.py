"""`make demo`: sync 2,628 real compounds from a real registry into a Benchling tenant."""
