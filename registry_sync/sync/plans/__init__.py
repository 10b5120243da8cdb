"""Plans: what a dry run would write, kept, signed by a second person, and applied as signed."""
