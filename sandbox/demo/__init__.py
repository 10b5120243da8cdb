"""`make demo`: sync three real collections from a real registry into a Benchling tenant."""
