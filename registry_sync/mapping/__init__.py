"""Record to entity, and entity to Benchling's JSON; no Django."""
