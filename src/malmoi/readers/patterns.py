"""Paths and patterns as users type them, found on disks that write names in another Unicode form (NFD)."""

from __future__ import annotations

import glob
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from fnmatch import translate
from pathlib import Path


def matching(text: str) -> list[Path]:
    """What is there under the name or the pattern (*, ?, [], **), in order of path; hidden files only where
    the pattern names the dot. A name that is there to the letter is no pattern."""
    path = Path(text).expanduser()
    if os.path.lexists(path):
        return [path]
    start = Path(path.anchor) if path.anchor else Path()
    return list(_walk(start, path.parts[1:] if path.anchor else path.parts))


def _walk(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _walk(folder, rest)
        above = {folder.resolve(), *(parent.resolve() for parent in folder.parents)}
        for name in _names(folder):
            inner = folder / name
            if not name.startswith(".") and inner.is_dir() and inner.resolve() not in above:
                yield from _walk(inner, parts)
    elif os.path.lexists(folder / part):
        yield from _walk(folder / part, rest)
    else:
        wanted = _nfc(part)
        fits = re.compile(translate(wanted)).match if glob.has_magic(wanted) else wanted.__eq__
        for name in _names(folder):
            if fits(_nfc(name)) and (wanted.startswith(".") or not name.startswith(".")):
                yield from _walk(folder / name, rest)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:  # a file, or a folder that may not be read
        return []


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
