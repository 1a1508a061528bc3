"""Which files to read: inputs as the user wrote them in, an ordered list of files with their formats out.

The order (inputs as given, a folder's files by path) decides which of two equal documents is the first.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.codes import Code
from malmoi.corpus.config import PLAIN
from malmoi.errors import MalmoiError
from malmoi.paths import shell_word
from malmoi.readers import READERS, choose
from malmoi.readers.patterns import matching

# Known not to be plain text; anything else (wiki_00, notes.md) is read as text and checked by its bytes.
NOT_YET = {".json", ".xml", ".html", ".xlsx", ".xls", ".parquet", ".hwp", ".hwpx", ".pdf", ".docx", ".zip"}
# From Windows, macOS (also inside its archives), Office, LibreOffice and NAS boxes.
LEFT_OVER = re.compile(
    r"(?:ehthumbs(?:_vista)?|thumbs)\.db|desktop\.ini|\.ds_store|\._.*|__macosx|~\$.*|\.~lock\..*#|@eadir",
    re.IGNORECASE,
)
SMALL = 8_000_000  # small files are read in groups of this many bytes: one worker call for hundreds of them


@dataclass(frozen=True)
class Source:
    """One input file; `format` is a key of `READERS`, txt, or the suffix of what cannot be read."""

    path: str
    format: str
    size: int


@dataclass(frozen=True)
class FoundInputs:
    """`left_over`: files that systems and programs leave in folders, not read."""

    sources: list[Source]
    left_over: list[str]


def find_sources(inputs: Sequence[str], out: Path, *, skip_bad: bool = False) -> FoundInputs:
    """All input files in order, each once. Hidden files, what systems leave behind (Thumbs.db, ~$a.xlsx) and
    whatever is in `out` are left out of folders and patterns; a file named explicitly is read.

    Raises MalmoiError: no inputs (MM0112), nothing there (MM0101), a folder without files (MM0102),
    a format not read (MM0103, unless `skip_bad`).
    """
    if not inputs:
        raise MalmoiError(Code.NO_INPUTS)
    own = {out.resolve(), out.with_name(out.name + ".tmp").resolve()}
    found = FoundInputs([], [])
    seen: set[Path] = set()
    for text in inputs:
        for path in _expand(text, own, found.left_over):
            if not path.exists():  # a link to nothing
                raise no_input(str(path))
            if (real := path.resolve()) not in seen:
                seen.add(real)
                if (kind := format_of(path)) in NOT_YET and not skip_bad:
                    raise not_yet(str(path), kind)
                found.sources.append(Source(str(path), kind, path.stat().st_size))
    if not found.sources:
        raise MalmoiError(Code.FOLDER_EMPTY, inputs[0])
    found.left_over[:] = dict.fromkeys(found.left_over)
    return found


def not_yet(path: str, suffix: str) -> MalmoiError:
    known = [name for reader in READERS.values() for name in reader.suffixes if name not in NOT_YET]
    return MalmoiError(
        Code.UNKNOWN_FORMAT, path, suffix=suffix, formats=" ".join([choose.PLAIN_SUFFIX, *known])
    )


def no_input(text: str) -> MalmoiError:
    shell = re.sub(r"[^*?\[\]]+", lambda part: shell_word(part[0]), text)  # a pattern stays one
    return MalmoiError(Code.INPUT_MISSING, text, path=text, shell=shell)


def _expand(text: str, own: set[Path], left_over: list[str]) -> Iterator[Path]:
    matches = matching(text)
    if not matches:
        raise no_input(text)
    named = len(matches) == 1 and not glob.has_magic(text)
    for match in matches:
        beyond = set(match.parts) - set(Path(text).parts)
        if not named and (any(map(LEFT_OVER.fullmatch, beyond)) or _is_special(match)):
            left_over.append(str(match))
        elif match.is_dir():
            files = list(_files(match, own, left_over))
            if named and not files:
                raise MalmoiError(Code.FOLDER_EMPTY, match)
            yield from files
        else:
            yield match


def _files(folder: Path, own: set[Path], left_over: list[str]) -> Iterator[Path]:
    """With subfolders and links to folders; each real folder once, so links in a circle do no harm."""
    been = {folder.resolve(), *own}
    for place, folders, names in os.walk(folder, followlinks=True):
        inside = Path(place)
        left_over += [
            str(inside / name)
            for name in sorted([*folders, *names])
            if LEFT_OVER.fullmatch(name) or _is_special(inside / name)
        ]
        kept = []
        for name in sorted(filter(_is_read, folders)):
            if (real := (inside / name).resolve()) not in been:
                been.add(real)
                kept.append(name)
        folders[:] = kept
        yield from (inside / n for n in sorted(names) if _is_read(n) and not _is_special(inside / n))


def _is_read(name: str) -> bool:
    return not name.startswith(".") and not LEFT_OVER.fullmatch(name)


def _is_special(path: Path) -> bool:
    """A pipe, socket or device: nothing may ever come out of it."""
    return path.exists() and not path.is_file() and not path.is_dir()


def format_of(path: Path) -> str:
    suffix = choose.suffix_of(path)
    return choose.format_of(suffix) or (suffix if suffix in NOT_YET else PLAIN)


def group_sources(sources: Sequence[Source]) -> list[list[Source]]:
    """Neighbouring small files together, large files alone: the tasks of the reading pass."""
    groups: list[list[Source]] = []
    filled = 0
    for source in sources:
        if not groups or filled + source.size > SMALL:
            groups.append([])
            filled = 0
        groups[-1].append(source)
        filled += source.size
    return groups
