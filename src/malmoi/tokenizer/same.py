"""Whether two tokenizers cut texts alike, beyond their entries: a model that goes on, or is asked, with the
same entries cut by other rules reads pieces it never met, and nothing else would say so.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from malmoi.tokenizer.about import NORMALIZED
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.bytebpe.model import ByteBPE
from malmoi.tokenizer.morpheme.model import MorphemeWordPiece
from malmoi.tokenizer.sentencepiece.spm import FILE, Model

# An analyzer shapes this vocabulary; texts are cut as by any WordPiece.
_ALIKE = {"morpheme-wordpiece": "wordpiece"}
SETTINGS = ("lower_case", "strip_accents", "split_hanja")
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
    kinds = [_ALIKE.get(tokenizer.kind, tokenizer.kind) for tokenizer in (before, after)]
    if kinds[0] != kinds[1]:
        yield Change("kind", before.kind, after.kind)
        return
    if isinstance(before, MorphemeWordPiece) and isinstance(after, MorphemeWordPiece):
        yield from _change("analyzer", before.analyzer.name, after.analyzer.name)
        yield from _change("form", before.form, after.form)
    for setting in SETTINGS:
        yield from _change(setting, getattr(before, setting, None), getattr(after, setting, None))
    old, new = _model(before), _model(after)
    if old and new:
        yield from _change("spaces", _spaces(old.spaces), _spaces(new.spaces))
        yield from _change("normalizer", _digest(old.charsmap), _digest(new.charsmap))
    if isinstance(before, ByteBPE) and isinstance(after, ByteBPE):
        yield from _byte_level(before, after)
    if lost := [word for word in _words(before) if word not in set(_words(after))]:
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
    if isinstance(before, MorphemeWordPiece) and isinstance(after, MorphemeWordPiece):
        one, two = before.analyzer.identity, after.analyzer.identity
        for name in sorted({*one, *two} - {"analyzer"}):
            yield from _change(name, one.get(name) or NONE, two.get(name) or NONE)
    old, new = _model(before), _model(after)
    if old and new and old.pieces != new.pieces and _words(before) == _words(after):
        yield Change(FILE, _digest(old.to_bytes()), _digest(new.to_bytes()))
    entries = set(before.tokens(range(before.vocab_size)))
    if held := [word for word in _words(after) if word in entries and word not in set(_words(before))]:
        yield Change("words", NONE, _shown(", ".join(held)))


def _byte_level(before: ByteBPE, after: ByteBPE) -> Iterator[Change]:
    old, new = before.rules, after.rules
    yield from _change("spaces", _spaces(old.one_space), _spaces(new.one_space))
    if old.one_space == new.one_space:
        yield from _change("normalizer", old.normalizer, new.normalizer)
        yield from _change("pre_tokenizer", old.pre_tokenizer, new.pre_tokenizer)
    for one, two in zip_longest(old.merges, new.merges, fillvalue=NONE):
        if one != two:
            yield Change("merges", one, two)
            return


def _change(name: str, before: object, after: object) -> Iterator[Change]:
    if before != after:
        yield Change(name, _shown(str(before)), _shown(str(after)))


def _shown(value: str) -> str:
    return value if len(value) <= SHOWN else f"{value[: SHOWN - 1]}…"


def _words(tokenizer: Tokenizer) -> tuple[str, ...]:
    words: tuple[str, ...] = getattr(tokenizer, "words", ())
    return words


def _model(tokenizer: Tokenizer) -> Model | None:
    found = getattr(tokenizer, "model", None)
    return found if isinstance(found, Model) else None


def _spaces(one: bool) -> str:
    return "one" if one else "kept"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


def _saved(tokenizer: Tokenizer, digest: Callable[[Path], str]) -> str:
    with tempfile.TemporaryDirectory(prefix="malmoi-") as folder:
        tokenizer.save(Path(folder))
        return digest(Path(folder))
