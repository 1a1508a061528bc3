"""A path as the user types it in, the one on the disk out: macOS spells Hangul as letters (NFD)."""

from __future__ import annotations

import unicodedata
from pathlib import Path


def as_stored(path: Path) -> Path:
    """The path itself where it exists; else the one whose names are the same in NFC; else the path."""
    if path.exists():
        return path
    found = Path(path.anchor)
    for name in path.parts[len(found.parts) :]:
        if not (found / name).exists():
            wanted = unicodedata.normalize("NFC", name)
            inside = found.iterdir() if found.is_dir() else iter(())
            name = next((p.name for p in inside if unicodedata.normalize("NFC", p.name) == wanted), name)
        found /= name
    return found if found.exists() else path
