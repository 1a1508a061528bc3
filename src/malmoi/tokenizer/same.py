"""Whether two tokenizers cut texts alike, beyond their entries: a model that goes on, or is asked, with the
same entries cut by other rules reads pieces it never met, and nothing else would say so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from malmoi.tokenizer.about import NORMALIZED
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.kinds import KINDS

SHOWN = 40  # characters of a value
NONE = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that decides ids, as it was and as it is."""

    name: str
    before: str
    after: str


def contradictions(before: Tokenizer, after: Tokenizer) -> Iterator[Change]:
    """What makes other ids of nearly every text: the kind, the analyzer, the form, how text is normalised and
    joined, words that are not looked for any more."""
    kinds = [KINDS[tokenizer.kind].cuts_as or tokenizer.kind for tokenizer in (before, after)]
    if kinds[0] != kinds[1]:
        yield Change("kind", before.kind, after.kind)
        return
    old, new = before.rules, after.rules
    for name in old:
        if name in new:
            yield from _change(name, *_first_apart(old[name], new[name]))
    if lost := [word for word in before.words if word not in set(after.words)]:
        yield Change("words", _shown(", ".join(lost)), NONE)


def deviations(before: Tokenizer, after: Tokenizer, digest: Callable[[Path], str]) -> Iterator[Change]:
    """What makes other ids of some texts: another version of the analyzer, another user dictionary, other
    scores of SentencePiece's pieces, entries that are words now.

    `digest` is that of a tokenizer's folder (`shards.format.tokenizer_digest`, whose package builds on this
    one). Of the same entries it is to be the same; where it is not and nothing else was found, that is said.
    """
    found = list(_named(before, after))
    yield from found
    every = range(before.vocab_size)
    if not found and after.vocab_size == len(every) and before.tokens(every) == after.tokens(every):
        yield from _change("tokenizer", *(_saved(tokenizer, digest)[:12] for tokenizer in (before, after)))


def _named(before: Tokenizer, after: Tokenizer) -> Iterator[Change]:
    yield from _change("normalize", NORMALIZED[before.one_spelling], NORMALIZED[after.one_spelling])
    if before.words == after.words:
        old, new = before.details, after.details
        for name in sorted({*old, *new}):
            yield from _change(name, old.get(name) or NONE, new.get(name) or NONE)
    entries = set(before.tokens(range(before.vocab_size)))
    if held := [word for word in after.words if word in entries and word not in set(before.words)]:
        yield Change("words", NONE, _shown(", ".join(held)))


def _first_apart(before: Any, after: Any) -> tuple[Any, Any]:
    """Two values, or the first in which two tuples differ."""
    if isinstance(before, tuple):
        pairs = zip_longest(before, after, fillvalue=NONE)
        return next((pair for pair in pairs if pair[0] != pair[1]), (NONE, NONE))
    return before, after


def _change(name: str, before: object, after: object) -> Iterator[Change]:
    if before != after:
        yield Change(name, _shown(str(before)), _shown(str(after)))


def _shown(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[: SHOWN - 1]}…"


def _saved(tokenizer: Tokenizer, digest: Callable[[Path], str]) -> str:
    with tempfile.TemporaryDirectory(prefix="malmoi-") as folder:
        tokenizer.save(Path(folder))
        return digest(Path(folder))
