"""The encoder, its heads and their files. Imports torch, numpy, safetensors, pydantic and root files only."""
