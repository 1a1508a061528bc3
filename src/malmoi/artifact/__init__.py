"""Artifact folders: files written whole, manifests, finished and live artifacts."""
