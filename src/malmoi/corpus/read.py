"""What later stages read from a corpus artifact."""

from __future__ import annotations

from pathlib import Path


def training_parts(folder: Path) -> list[Path]:
    """Training text in order: UTF-8 NFC, one sentence per line, a blank line between documents."""
    return sorted(folder.glob("part-*.txt"))


def heldout_parts(folder: Path) -> list[Path]:
    """Held-out documents in order, same format."""
    return sorted(folder.glob("heldout-*.txt"))
