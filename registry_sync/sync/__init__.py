"""The line: from the configuration to the report."""
