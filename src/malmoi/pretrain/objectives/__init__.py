"""What is learned from a batch: one file for each objective."""
