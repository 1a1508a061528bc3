"""Whether two tokenizers cut texts alike, beyond their entries: a model that goes on, or is asked, with the
same entries cut by other rules reads pieces it never met, and nothing else would say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.morpheme import MorphemeWordPiece
from malmoi.tokenizer.spm import FILE, Model

# An analyzer shapes this vocabulary; texts are cut as by any WordPiece.
_ALIKE = {"morpheme-wordpiece": "wordpiece"}
SETTINGS = ("lower_case", "strip_accents", "split_hanja")

Change = tuple[str, object, object]
"""Name, before, after."""


def contradictions(before: Tokenizer, after: Tokenizer) -> Iterator[Change]:
    """What makes other ids of nearly every text: the kind, the analyzer, the form, how text is normalised."""
    kinds = [_ALIKE.get(tokenizer.kind, tokenizer.kind) for tokenizer in (before, after)]
    if kinds[0] != kinds[1]:
        yield "kind", before.kind, after.kind
    if isinstance(before, MorphemeWordPiece) and isinstance(after, MorphemeWordPiece):
        if before.analyzer.name != after.analyzer.name:
            yield "analyzer", before.analyzer.name, after.analyzer.name
        if before.form != after.form:
            yield "form", before.form, after.form
    for setting in SETTINGS:
        old, new = getattr(before, setting, None), getattr(after, setting, None)
        if old != new:
            yield setting, old, new


def deviations(before: Tokenizer, after: Tokenizer) -> Iterator[Change]:
    """What makes other ids of some texts: another version of the analyzer, another user dictionary, other
    scores of SentencePiece's pieces."""
    if isinstance(before, MorphemeWordPiece) and isinstance(after, MorphemeWordPiece):
        one, two = before.analyzer.identity, after.analyzer.identity
        for name in sorted({*one, *two} - {"analyzer"}):
            if one.get(name, "") != two.get(name, ""):
                yield name, one.get(name, "")[:40] or "-", two.get(name, "")[:40] or "-"
    old, new = getattr(before, "model", None), getattr(after, "model", None)
    if isinstance(old, Model) and isinstance(new, Model) and old != new:
        yield FILE, _digest(old), _digest(new)


def _digest(model: Model) -> str:
    return hashlib.sha256(model.to_bytes()).hexdigest()[:12]
