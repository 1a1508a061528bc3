"""Pretraining: shards in, checkpoints out that open in Hugging Face transformers as they are."""
