"""Shards: a corpus as memory-mapped token ids, made once and read by every phase of training."""
