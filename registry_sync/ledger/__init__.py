"""What was last written for each external id; one transaction a batch."""
