"""Byte-level BPE (Radford et al. 2019)."""
