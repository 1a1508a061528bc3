"""WordPiece: texts to flat ids with spans in the caller's characters, about as fast as the ids alone.

Texts are joined and encoded as one; a token's span follows from the lengths of the pieces before it, because
BERT's pieces spell out the words. Where a vocabulary lower-cases or strips accents that does not hold, and
the library's slower offsets are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from malmoi.artifact import write_bytes, write_json
from malmoi.special import SPECIAL_TOKENS, SpecialIds
from malmoi.tokenizer.about import ABOUT
from malmoi.tokenizer.base import Encodings, Texts, Truncation
from malmoi.tokenizer.characters import ODD, Characters, Words, code_points, find_words
from malmoi.tokenizer.composed import Pieces, encode_composed
from malmoi.tokenizer.config import Kind
from malmoi.tokenizer.engine import Choice, Engine
from malmoi.tokenizer.rows import lay_rows

PREFIX = "##"
MAX_WORD = 100  # characters; a longer word is [UNK]


class WordPiece:
    """A WordPiece vocabulary with BERT's normaliser; implements the `Tokenizer` protocol.

    Args:
        entries: the vocabulary in id order, the five special tokens among them.
        lower_case, strip_accents: what the vocabulary was made with; ours is made with neither.
        split_hanja: whether each hanja is a word of its own, as in BERT.
        learned: how many entries mean something, when the rest is [unused] filling.
        kind: how the vocabulary was learned; it is used in one way only.
        told: what else malmoi.json should tell of that, such as the analyzer that shaped the vocabulary.
        engine: "tokenizers" keeps tokie out.
    """

    def __init__(
        self,
        entries: Sequence[str],
        *,
        lower_case: bool = False,
        strip_accents: bool = False,
        split_hanja: bool = True,
        learned: int | None = None,
        kind: Kind = "wordpiece",
        told: Mapping[str, Any] | None = None,
        engine: Choice = "auto",
    ) -> None:
        self.kind, self.told = kind, dict(told or {})
        self.entries = list(entries)
        self.lower_case, self.strip_accents, self.split_hanja = lower_case, strip_accents, split_hanja
        self.learned = len(self.entries) if learned is None else learned
        ids = {entry: index for index, entry in enumerate(self.entries)}
        self.special = SpecialIds(*(ids[token] for token in SPECIAL_TOKENS))
        self._library = _library(ids, lower_case, strip_accents, split_hanja)
        self._engine = Engine(self._library, engine)

    @property
    def vocab_size(self) -> int:
        return len(self.entries)

    @property
    def engine(self) -> str:
        """The library that encodes now: `tokie` or `tokenizers`."""
        return self._engine.name

    def encode_batch(
        self,
        texts: Texts,
        *,
        max_len: int | None = None,
        truncation: Truncation = "longest_first",
        stride: int = 0,
        specials: bool = True,
    ) -> Encodings:
        """Encode texts or pairs; see `Tokenizer.encode_batch`. "[MASK]" written in a text is plain text.

        Raises MM0210 where `max_len` leaves no room.
        """
        pairs = bool(texts) and not isinstance(texts[0], str)
        plain: list[str] = list(chain.from_iterable(texts)) if pairs else list(texts)  # type: ignore[arg-type]
        return lay_rows(
            encode_composed(plain, self.encode_pieces),
            self.special,
            pairs=pairs,
            max_len=max_len,
            truncation=truncation,
            stride=stride,
            specials=specials,
        )

    def tokens(self, ids: Sequence[int] | NDArray[np.integer[Any]]) -> list[str]:
        return [self.entries[index] for index in ids]

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, vocab.txt, tokenizer_config.json (transformers) and malmoi.json."""
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "tokenizer.json", (self._library.to_str(pretty=True) + "\n").encode())
        write_bytes(folder / "vocab.txt", "".join(f"{entry}\n" for entry in self.entries).encode())
        names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
        settings = {
            "tokenizer_class": "BertTokenizer",
            "do_lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "tokenize_chinese_chars": self.split_hanja,
            "model_max_length": 512,
            **dict(zip(names, SPECIAL_TOKENS, strict=True)),
        }
        write_json(folder / "tokenizer_config.json", settings)
        about = {
            "kind": self.kind,
            "vocab_size": self.vocab_size,
            "learned": self.learned,
            "normalize": "NFC",
            **self.told,
        }
        write_json(folder / ABOUT, about)

    def encode_pieces(self, texts: list[str]) -> Pieces:
        """Ids, spans and tokens per text of NFC texts, no special tokens."""
        joined = "\n".join(texts)
        codes = code_points(joined)
        classes = self._characters.classes(codes)
        if self.lower_case or self.strip_accents or (classes == ODD).any():
            return self._by_library(texts)
        return self._by_pieces(joined, find_words(classes), texts)

    def _by_pieces(self, joined: str, words: Words, texts: list[str]) -> Pieces:
        ids = self._engine.ids(joined)
        bounds = self._align(ids, words)
        if bounds is None and self._engine.name == "tokie":
            ids = self._engine.redo(joined)
            bounds = self._align(ids, words)
        if bounds is None:
            return self._by_library(texts)
        spans = words.kept[bounds].astype(np.int32)
        spans[:, 1] += 1
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        begins = np.cumsum(lengths + 1) - (lengths + 1)
        first = np.append(np.searchsorted(spans[:, 0], begins), len(ids))
        counts = np.diff(first)
        spans -= np.repeat(begins, counts).astype(np.int32)[:, None]
        return Pieces(ids, spans, counts)

    def _align(self, ids: NDArray[np.int32], words: Words) -> NDArray[np.int64] | None:
        """First and last kept character of each token (T, 2), or None where pieces and words contradict."""
        size_V, continues_V = self._pieces
        heads = np.flatnonzero(~continues_V[ids])
        if len(heads) != len(words.starts):
            return None
        sizes = size_V[ids]
        word_sizes = np.diff(words.starts, append=len(words.kept))
        unknown = ids[heads] == self.special.unk  # [UNK] stands for its whole word
        sizes[heads[unknown]] = word_sizes[unknown]
        ends = np.cumsum(sizes)
        starts = ends - sizes
        if not np.array_equal(starts[heads], words.starts) or (len(ends) and ends[-1] != len(words.kept)):
            return None
        return np.stack([starts, ends - 1], axis=1)

    def _by_library(self, texts: list[str]) -> Pieces:
        encodings = self._library.encode_batch(texts, add_special_tokens=False)
        counts = np.fromiter((len(e) for e in encodings), np.int64, len(encodings))
        ids = np.fromiter(chain.from_iterable(e.ids for e in encodings), np.int32)
        offsets = chain.from_iterable(chain.from_iterable(e.offsets for e in encodings))
        return Pieces(ids, np.fromiter(offsets, np.int32).reshape(-1, 2), counts)

    @cached_property
    def _characters(self) -> Characters:
        return Characters(self._library)

    @cached_property
    def _pieces(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Characters each entry spells, and whether it goes on a word."""
        continues = [entry.startswith(PREFIX) and len(entry) > len(PREFIX) for entry in self.entries]
        sizes = [len(e) - len(PREFIX) * c for e, c in zip(self.entries, continues, strict=True)]
        return np.array(sizes, np.int64), np.array(continues, np.bool_)


def _library(ids: dict[str, int], lower_case: bool, strip_accents: bool, split_hanja: bool) -> Library:
    library = Library(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=MAX_WORD))
    library.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=split_hanja, lowercase=lower_case, strip_accents=strip_accents
    )
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.decoder = decoders.WordPiece(prefix=PREFIX)
    cls_sep = [(token, ids[token]) for token in ("[CLS]", "[SEP]")]
    library.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", special_tokens=cls_sep
    )
    library.add_special_tokens(list(SPECIAL_TOKENS))
    library.encode_special_tokens = True  # "[MASK]" in a user's text is text
    return library
