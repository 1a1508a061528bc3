"""Byte-level BPE: texts to flat ids with spans in the caller's characters. No text is unknown to it.

A token stands for bytes; spans come from counting them. One that holds a part of a character has that whole
character's span, so neighbours may share one. Peers' tokenizers that keep white space as it is are asked for
the library's offsets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Library

from malmoi.artifact.disk import write_json
from malmoi.paths import utf8_path
from malmoi.special import SpecialIds
from malmoi.tokenizer.about import NORMALIZED, write_about
from malmoi.tokenizer.base import Ids
from malmoi.tokenizer.bytebpe.letters import BYTE_SIGNS
from malmoi.tokenizer.encoding.characters import bounds_of, code_points
from malmoi.tokenizer.encoding.frame import SpanTokenizer, TokenSpans
from malmoi.tokenizer.encoding.spaces import WHITE_SPACE, make_stream, visible_span
from malmoi.tokenizer.encoding.user_words import encode_around, saved_words
from malmoi.tokenizer.names import template, write_for_transformers
from malmoi.tokenizer.wordpiece.engine import Choice, Engine, join_ids
from malmoi.tokenizer.wordpiece.spelling import Spelling

Merges = list[tuple[str, str]]


class ByteBPE(SpanTokenizer):
    """A byte-level BPE; implements the `Tokenizer` protocol.

    Args:
        library: the tokenizer as its tokenizer.json has it.
        special: ids of the special tokens; "[MASK]" written in a text is text.
        learned: how many entries mean something, when the rest is [unused] filling.
        words: entries that are one token wherever they stand (`encoding.user_words`).
        one_space: whether white space is made one and begins each text, as in what we learn; else the library
            gets the text as it is.
        engine: "tokenizers" keeps tokie out.
    """

    kind = "bytebpe"

    def __init__(
        self,
        library: Library,
        special: SpecialIds,
        *,
        learned: int | None = None,
        words: Sequence[str] = (),
        one_space: bool = True,
        engine: Choice = "auto",
    ) -> None:
        self._library = library
        self._library.encode_special_tokens = True
        self._one_space = one_space
        self.special = special
        ids = library.get_vocab()
        self.entries = sorted(ids, key=lambda entry: ids[entry])
        self.learned = len(self.entries) if learned is None else learned
        self.words = tuple(words)
        self._word_ids = {word: ids[word] for word in self.words}
        plain = Library(library.model)
        plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._engine = Engine(plain, engine)

    @property
    def vocab_size(self) -> int:
        return len(self.entries)

    @property
    def engine(self) -> str:
        """The library that encodes now: `tokie` or `tokenizers`."""
        return self._engine.name

    @property
    def rules(self) -> dict[str, Any]:
        """White space, merges in the order in which they are made, and of a peer's how it splits, as JSON
        without NFC: texts are composed before in any case."""
        state = json.loads(self._library.to_str())
        merges = tuple(" ".join(pair) for pair in state["model"]["merges"])
        if self._one_space:
            return {"spaces": "one", "merges": merges}
        steps = [step for step in _steps(state["normalizer"], "normalizers") if step != {"type": "NFC"}]
        splitting = _steps(state["pre_tokenizer"], "pretokenizers")
        for step in splitting:
            step.pop("trim_offsets", None)  # of spans, not of ids
        return {
            "spaces": "kept",
            "normalizer": json.dumps(steps, ensure_ascii=False, sort_keys=True),
            "pre_tokenizer": json.dumps(splitting, ensure_ascii=False, sort_keys=True),
            "merges": merges,
        }

    def text(self, ids: Ids, starts_word: NDArray[np.bool_]) -> str:
        """Pieces hold the spaces themselves."""
        return str(decoders.ByteLevel().decode(self.tokens(ids))).strip()

    def encode_spans(self, texts: list[str]) -> TokenSpans:
        """Ids, spans and tokens per text of NFC texts, no special tokens."""
        return encode_around(texts, self._word_ids, self._encode)

    def _encode(self, texts: list[str]) -> TokenSpans:
        """The same for texts without user words."""
        if not self._one_space:
            return self._by_library(texts)
        stream = make_stream(texts)
        given = ["".join([f" {word}" for word in text.split()]) for text in texts]
        ids, counts = self._engine.batch(given)
        bytes_S = _utf8_sizes(stream.codes)
        if not self._spells(ids, counts, bounds_of(bytes_S)[stream.starts], given):
            ids, counts = self._engine.redo_batch(given)
        at_B = np.repeat(stream.at, bytes_S)
        ends = np.cumsum(self._sizes[ids])
        spans = np.stack([at_B[ends - self._sizes[ids]], at_B[ends - 1] + 1], axis=1)
        return TokenSpans(ids, spans.astype(np.int32), counts)

    def _spells(
        self,
        ids: NDArray[np.int32],
        counts: NDArray[np.int64],
        bounds: NDArray[np.int64],
        given: list[str],
    ) -> bool:
        """Whether the tokens of each text are its bytes, which `bounds` part from those of the others."""
        sizes_T = self._sizes[ids]
        ends_T = np.cumsum(sizes_T)
        if not np.array_equal(np.append(0, ends_T)[bounds_of(counts)], bounds):
            return False
        signs = BYTE_SIGNS[np.frombuffer("".join(given).encode(), np.uint8)]
        return not len(self._spelling.wrong(ids, sizes_T, ends_T, signs))

    def _by_library(self, texts: list[str]) -> TokenSpans:
        encodings = self._library.encode_batch(texts, add_special_tokens=False)
        ids, counts = join_ids(encodings)
        spans = [
            visible_span(text, *offsets)
            for text, encoding in zip(texts, encodings, strict=True)
            for offsets in encoding.offsets
        ]
        return TokenSpans(ids, np.array(spans, np.int32).reshape(-1, 2), counts)

    def save(self, folder: Path) -> None:
        """Write vocab.json and merges.txt, for transformers tokenizer.json and tokenizer_config.json, and
        malmoi.json."""
        folder.mkdir(parents=True, exist_ok=True)
        with utf8_path(folder) as name:
            self._library.model.save(name)
        ids = {entry: index for index, entry in enumerate(self.entries)}
        write_json(folder / "vocab.json", ids)
        library = Library.from_str(self._library.to_str())
        library.post_processor = template(self.entries, self.special)  # halves of a peer's have none
        write_for_transformers(folder, library, self.entries, self.special, NORMALIZED[self.one_spelling])
        spaces = "one" if self._one_space else "kept"
        write_about(folder, self, self.words, special=asdict(self.special), spaces=spaces)

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(code_points("".join(self.entries)), list(map(len, self.entries)))

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        """Bytes of each entry: byte-level entries write each byte as one character."""
        return np.array([len(entry) for entry in self.entries], np.int64)


def make_library(
    vocab: dict[str, int],
    merges: Merges,
    entries: Sequence[str],
    special: SpecialIds,
    words: Sequence[str] = (),
) -> Library:
    """Our tokenizer: NFC, white space made one and put before each text, GPT-2's splitting, bytes."""
    library = Library(models.BPE(vocab, merges))
    library.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(WHITE_SPACE), " "), normalizers.Strip()]
    )
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    library.decoder = decoders.ByteLevel()
    library.post_processor = template(entries, special)
    library.add_special_tokens([entries[index] for index in sorted(asdict(special).values())])
    # With the white space beside a word: what is left is a text of its own, without it.
    library.add_tokens(saved_words(words, library.normalizer, lstrip=True, rstrip=True))
    return library


def _steps(part: dict[str, Any] | None, name: str) -> list[dict[str, Any]]:
    """The steps of a normaliser or a splitter, which may be one, several or none."""
    steps: list[dict[str, Any]] = [] if part is None else part.get(name, [part])
    return steps


def _utf8_sizes(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    return 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
