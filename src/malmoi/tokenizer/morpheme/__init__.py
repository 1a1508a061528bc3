"""Morphemes first: an analyzer cuts, WordPiece cuts inside."""
