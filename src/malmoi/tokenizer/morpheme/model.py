"""Morphemes first: an analyzer cuts every text, and WordPiece cuts inside each morpheme, never across two.

Morphemes that go on a word (는 in 할머니는) are written in `##` pieces, like the rest of a word in BERT: ids
can be turned back into text, and a particle is another token than a noun of the same letters. The text is
rewritten (`tokenizer.marked`), encoded by `WordPiece` as it is, and spans are taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from malmoi.analyzers import Analyzer
from malmoi.analyzers.lazy import Lazy
from malmoi.artifact.disk import write_bytes
from malmoi.hangul.aligned import through
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.about import write_about
from malmoi.tokenizer.base import Ids
from malmoi.tokenizer.encoding.frame import SpanTokenizer, TokenSpans
from malmoi.tokenizer.kinds import USER_DICTIONARY
from malmoi.tokenizer.morpheme.marked import MARK, Marked, bert_characters, mark_lemmas, mark_surfaces
from malmoi.tokenizer.names import ROLES
from malmoi.tokenizer.wordpiece.engine import Choice
from malmoi.tokenizer.wordpiece.model import WordPiece

Form = Literal["surface", "lemma"]
FORMS: tuple[Form, ...] = get_args(Form)


class MorphemeWordPiece(SpanTokenizer):
    """A WordPiece vocabulary used inside morphemes; implements the `Tokenizer` protocol.

    Args:
        entries: the vocabulary in id order, the five special tokens among them.
        analyzer: what cuts morphemes.
        form: morphemes as they are written (줬), or restored (주 ##었), where fused ones share a span.
        user_dictionary: the file of words the analyzer was given, kept with the tokenizer.
        learned: how many entries mean something, when the rest is [unused] filling.
        engine: "tokenizers" keeps tokie out.
    """

    kind = "morpheme"

    def __init__(
        self,
        entries: Sequence[str],
        analyzer: Analyzer,
        *,
        form: Form = "surface",
        user_dictionary: bytes | None = None,
        learned: int | None = None,
        engine: Choice = "auto",
    ) -> None:
        self.entries = list(entries)
        self.learned = len(self.entries) if learned is None else learned
        self.analyzer, self.form, self._user_dictionary = analyzer, form, user_dictionary
        self._wordpiece = WordPiece([*self.entries, MARK], engine=engine)
        self.special = self._wordpiece.special
        self._characters = bert_characters()

    @property
    def vocab_size(self) -> int:
        return len(self.entries)

    @property
    def engine(self) -> str:
        """The library that encodes now: `tokie` or `tokenizers`."""
        return self._wordpiece.engine

    @property
    def rules(self) -> dict[str, Any]:
        """The analyzer, and the form of its morphemes."""
        return {"analyzer": self.analyzer.name, "form": self.form}

    @property
    def details(self) -> dict[str, str]:
        """Versions of the analyzer and its words."""
        return {name: told for name, told in self.analyzer.identity.items() if name != "analyzer"}

    def text(self, ids: Ids, starts_word: NDArray[np.bool_]) -> str:
        """As of any WordPiece."""
        return self._wordpiece.text(ids, starts_word)

    def load(self) -> None:
        """Open the analyzer. Raises those of `open_analyzer`."""
        if isinstance(self.analyzer, Lazy):
            _ = self.analyzer.opened

    def uncached(self) -> Self:
        """Itself, but every text is analyzed anew."""
        twin = copy(self)
        if isinstance(self.analyzer, Lazy):
            twin.analyzer = self.analyzer.bare
        return twin

    def save(self, folder: Path) -> None:
        """Write vocab.txt, malmoi.json, the user dictionary, and what lets transformers open the folder.

        There is no tokenizer.json: nothing that reads one could run the analyzer, and would give other ids.
        """
        from malmoi.tokenizer.morpheme.remote import write_remote

        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "vocab.txt", "".join(f"{entry}\n" for entry in self.entries).encode())
        if self._user_dictionary is not None:
            write_bytes(folder / USER_DICTIONARY, self._user_dictionary)
        write_about(folder, self, analyzer=self.analyzer.identity, form=self.form)
        write_remote(folder, self.analyzer.name, dict(zip(ROLES, SPECIAL_TOKENS, strict=True)))

    def encode_spans(self, texts: list[str]) -> TokenSpans:
        """Ids, spans and morpheme starts of NFC texts."""
        marked = self._rewrite(texts)
        found = self._wordpiece.encode_spans(marked.texts)
        owners_T = np.repeat(np.arange(len(texts)), found.counts)
        kept = found.ids != len(self.entries)  # the mark's own token says nothing
        owners_T, ids_T = owners_T[kept], found.ids[kept]
        spans_T2 = found.spans[kept] + marked.begins_N[owners_T, None]
        morpheme_T = marked.morphemes_R[spans_T2[:, 0]]
        starts_T = np.ones(len(ids_T), np.bool_)
        np.not_equal(morpheme_T[1:], morpheme_T[:-1], out=starts_T[1:])
        counts_N = np.bincount(owners_T, minlength=len(texts))
        return TokenSpans(ids_T, through(marked.sources_R2, spans_T2), counts_N, starts_T)

    def _rewrite(self, texts: list[str]) -> Marked:
        if self.form == "surface":
            return mark_surfaces(texts, self.analyzer.surfaces(texts), self._characters)
        return mark_lemmas(texts, self.analyzer.analyze(texts), self._characters)
