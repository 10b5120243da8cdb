"""One record at this moment: followed step by step from the registry to Benchling."""
