"""What may go: adoption, names, links, guards."""
