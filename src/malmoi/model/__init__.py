"""The encoder, its heads and their files. Imports only torch, numpy, safetensors, pydantic and root files."""
