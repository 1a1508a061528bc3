"""Models on disk in Hugging Face's layout."""
