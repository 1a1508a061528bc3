"""What can be wrong inside the arrays of a part, found with the place of the first fault.

Reads some million entries at a time, so that memory does not grow with the part.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.shards.part import STARTS_MORPHEME, STARTS_WORD, Part

AT_ONCE = 4_000_000


def check_part(folder: Path, part: Part, vocab_size: int, *, analyzed: bool) -> None:
    """Raise MM0302 or MM0303 for the first fault.

    Args:
        analyzed: whether the tokenizer knows morphemes; if not, they start where eojeols do.
    """
    for name in ("sentences", "documents"):
        _check_rising(folder / f"{name}.npy", getattr(part, name))
    for at, documents in pieces(part.documents):
        found = part.sentences[np.searchsorted(part.sentences, documents)] == documents
        if (odd := _first(~found)) is not None:
            _fail(folder / "documents.npy", f"documents[{at + odd}] = {documents[odd]} ∉ sentences")
    for at, sentences in pieces(part.sentences[:-1]):
        if (odd := _first(part.flags[sentences] & STARTS_WORD == 0)) is not None:
            token = sentences[odd]
            _fail(
                folder / "flags.npy", f"flags[{token}] = {part.flags[token]}, sentences[{at + odd}] = {token}"
            )
    _check_flags(folder / "flags.npy", part.flags, analyzed)
    for at, ids in pieces(part.ids):
        if (odd := _first(ids >= vocab_size)) is not None:
            where = f"{folder / 'ids.npy'}[{at + odd}]"
            raise MalmoiError(Code.ID_BEYOND_VOCABULARY, where, largest=int(ids[odd]), vocab_size=vocab_size)


def pieces(array: NDArray[Any], size: int = AT_ONCE) -> Iterator[tuple[int, NDArray[Any]]]:
    """An array piece by piece, each with where it begins."""
    for at in range(0, len(array), size):
        yield at, array[at : at + size]


def _check_rising(file: Path, offsets: NDArray[np.int64]) -> None:
    for at in range(0, len(offsets) - 1, AT_ONCE):
        some = offsets[at : at + AT_ONCE + 1]
        if (odd := _first(np.diff(some) <= 0)) is not None:
            _fail(file, f"{file.stem}[{at + odd + 1}] = {some[odd + 1]} <= {some[odd]}")


def _check_flags(file: Path, flags: NDArray[np.uint8], analyzed: bool) -> None:
    both = STARTS_WORD | STARTS_MORPHEME
    allowed = np.zeros(256, np.bool_)
    allowed[[0, both, *([STARTS_MORPHEME] if analyzed else [])]] = True
    for at, some in pieces(flags):
        if (odd := _first(~allowed[some])) is not None:
            _fail(file, f"flags[{at + odd}] = {some[odd]} ∉ {np.flatnonzero(allowed).tolist()}")


def _first(odd: NDArray[np.bool_]) -> int | None:
    at = int(odd.argmax()) if len(odd) else 0
    return at if len(odd) and odd[at] else None


def _fail(file: Path, detail: str) -> None:
    raise MalmoiError(Code.ARRAYS_CONTRADICT, file, detail=detail)
