"""Answers from a fine-tuned model."""
