"""What is in a registry's answer: its JSON, its records, its total, its links."""
