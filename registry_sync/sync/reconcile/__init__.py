"""Both sides of a lane, counted and compared field by field, without writing to either."""
