"""WordPiece: texts to flat ids with spans in the caller's characters, about as fast as the ids alone.

Texts are joined and encoded as one; a token's span follows from the lengths of the pieces before it, because
BERT's pieces spell out the words. Where a vocabulary lower-cases or strips accents that does not hold, and
the library's slower offsets are used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Library

from malmoi.artifact.disk import write_bytes
from malmoi.hangul import aligned
from malmoi.hangul.spelling import respell
from malmoi.special import SPECIAL_TOKENS, SpecialIds
from malmoi.tokenizer.about import NORMALIZED, write_about
from malmoi.tokenizer.base import Ids, LineEncoding
from malmoi.tokenizer.encoding.characters import (
    HIDDEN,
    LETTER,
    LONGEST_WORD,
    ODD,
    SPACE,
    Characters,
    Words,
    code_points,
    find_words,
    line_begins,
    mark_words,
    spell_words,
)
from malmoi.tokenizer.encoding.frame import SpanTokenizer, TokenSpans, join_pieces, may_be_odd
from malmoi.tokenizer.encoding.user_words import encode_around, saved_words
from malmoi.tokenizer.names import template, write_for_transformers
from malmoi.tokenizer.wordpiece.engine import Choice, Engine, join_ids
from malmoi.tokenizer.wordpiece.spelling import Spelling

PREFIX = "##"
HANJA = (
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b81f"
    "\U0002b920-\U0002ceaf\U0002f800-\U0002fa1f]"
)
"""What BERT's normaliser puts spaces around; `tokenizers` 0.23 leaves out U+2B820 to U+2B91F."""
GOES_ON = 128  # added to the length of an entry that goes on a word


@dataclass(frozen=True, slots=True)
class Aligned:
    """T ids of W words: each word's first token, the letters each token stands for, their running sum."""

    ids: NDArray[np.int32]
    heads_W: NDArray[np.int64]
    sizes_T: NDArray[np.int32]
    ends_T: NDArray[np.int32]


class WordPiece(SpanTokenizer):
    """A WordPiece vocabulary with BERT's normaliser; implements the `Tokenizer` protocol.

    Args:
        entries: the vocabulary in id order, the five special tokens among them.
        lower_case, strip_accents: what the vocabulary was made with; ours is made with neither.
        split_hanja: whether each hanja is a word of its own, as in BERT.
        learned: how many entries mean something, when the rest is [unused] filling.
        kind: how the vocabulary was learned; it is used in one way only.
        words: entries that are one token wherever they stand (`encoding.user_words`).
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
        kind: str = "wordpiece",
        words: Sequence[str] = (),
        told: Mapping[str, Any] | None = None,
        engine: Choice = "auto",
    ) -> None:
        self.kind, self.told = kind, dict(told or {})
        self.entries = list(entries)
        self.lower_case, self.strip_accents, self.split_hanja = lower_case, strip_accents, split_hanja
        self.learned = len(self.entries) if learned is None else learned
        ids = {entry: index for index, entry in enumerate(self.entries)}
        self.special = SpecialIds(*(ids[token] for token in SPECIAL_TOKENS))
        self.words = tuple(words)
        self._word_ids = {word: ids[word] for word in self.words}
        self._library = _library(ids, lower_case, strip_accents, split_hanja, self.words)
        self._engine = Engine(self._library, engine)

    @property
    def vocab_size(self) -> int:
        return len(self.entries)

    @property
    def rules(self) -> dict[str, Any]:
        """What becomes of capitals, accents and hanja."""
        names = ("lower_case", "strip_accents", "split_hanja")
        return {name: getattr(self, name) for name in names}

    def text(self, ids: Ids, starts_word: NDArray[np.bool_]) -> str:
        """Without what says that a piece goes on a word."""
        return join_pieces([self._bare[index] for index in ids], starts_word)

    @property
    def engine(self) -> str:
        """The library that encodes now: `tokie` or `tokenizers`."""
        return self._engine.name

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, vocab.txt, tokenizer_config.json (transformers) and malmoi.json."""
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / "vocab.txt", "".join(f"{entry}\n" for entry in self.entries).encode())
        write_for_transformers(
            folder,
            self._for_others(),
            self.entries,
            self.special,
            NORMALIZED[self.one_spelling],
            do_lower_case=self.lower_case,
            strip_accents=self.strip_accents,
            tokenize_chinese_chars=self.split_hanja,
        )
        write_about(folder, self, self.words, **self.told)

    def _for_others(self) -> Library:
        """The tokenizer with all that is ours beside it: composing, special tokens, the template."""
        library = Library(self._library.model)
        rewritten = self.lower_case or self.strip_accents  # then words keep their case, so no rewriting
        bert, splitter = self._library.normalizer, self._library.pre_tokenizer
        if self.split_hanja and not rewritten and any(re.search(HANJA, word) for word in self.words):
            # A word is called what the normaliser makes of it, " 漢  字 ", so hanja are split after it.
            bert = _bert_normalizer(False, False, split_hanja=False)
            splitter = pre_tokenizers.Sequence([hanja_splitter(), splitter])
        library.normalizer = normalizers.Sequence([normalizers.NFC(), bert])
        library.pre_tokenizer = splitter
        library.decoder = decoders.WordPiece(prefix=PREFIX)
        library.post_processor = self._library.post_processor
        library.add_special_tokens(list(SPECIAL_TOKENS))
        library.add_tokens(saved_words(self.words, None if rewritten else library.normalizer))
        return library

    def encode_spans(self, texts: list[str]) -> TokenSpans:
        """Ids, spans and tokens per text of NFC texts, no special tokens."""
        return encode_around(texts, self._word_ids, self._encode)

    def _encode(self, texts: list[str]) -> TokenSpans:
        """The same for texts without user words."""
        joined = "\n".join(texts)
        codes = code_points(joined)
        classes = self._characters.classes(codes)
        if self.lower_case or self.strip_accents or (classes == ODD).any():
            return self._by_library(texts)
        return self._by_pieces(joined, codes, find_words(classes), texts)

    def encode_lines(self, text: str) -> LineEncoding | None:
        """Ids of the lines of a text and where their eojeols start; None for text that needs more care.

        Shards need no spans, and without them this takes half of what `encode_batch` takes beside tokie.
        """
        if self.words or self.lower_case or self.strip_accents or not aligned.all_nfc(text):
            return None
        try:
            codes = code_points(text)
        except UnicodeEncodeError:  # a lone surrogate
            return None
        if self.one_spelling and may_be_odd(codes) and respell(text) != text:
            return None
        classes = self._characters.classes(codes)
        if classes.max(initial=LETTER) >= HIDDEN:
            return None
        ends_L = newlines = np.flatnonzero(codes == ord("\n"))
        if not (shown := classes <= SPACE).all():
            classes = classes[shown]
            newlines = np.cumsum(shown)[newlines] - 1
        starts, visible = mark_words(classes)
        first_W = np.flatnonzero(starts)
        lasts = visible.copy()
        lasts[:-1] &= visible[1:] <= starts[1:]  # the next character does not go on the word
        shown_codes = codes if len(codes) == len(classes) else codes[shown]
        sizes_W = np.flatnonzero(lasts) - first_W + 1
        found = self._ids_of_words(text, shown_codes[visible], sizes_W)
        if found is None:
            return None
        ids, heads_W = found.ids, found.heads_W
        starts_word = np.zeros(len(ids), np.bool_)
        # Behind white space; in front of the text there is as good as some.
        starts_word[heads_W[~visible.take(first_W - 1) | (first_W == 0)]] = True
        firsts = np.append(heads_W, len(ids))[np.searchsorted(first_W, newlines)]
        cu_seqlens = np.concatenate([[0], firsts, [len(ids)]])
        return LineEncoding(ids, cu_seqlens, starts_word, np.append(ends_L, len(text)))

    def _by_pieces(
        self, joined: str, codes: NDArray[np.uint32], words: Words, texts: list[str]
    ) -> TokenSpans:
        sizes_W = np.diff(words.starts, append=len(words.kept))
        found = self._ids_of_words(joined, codes[words.kept], sizes_W)
        if found is None:
            return self._by_library(texts)
        ids = found.ids
        spans = np.empty((len(ids), 2), np.int32)
        spans[:, 0] = words.kept.take(found.ends_T - found.sizes_T)
        spans[:, 1] = words.kept.take(found.ends_T - 1)
        spans[:, 1] += 1
        begins = line_begins(texts)
        first = np.append(np.searchsorted(spans[:, 0], begins), len(ids))
        counts = np.diff(first)
        spans -= np.repeat(begins, counts).astype(np.int32)[:, None]
        return TokenSpans(ids, spans, counts)

    def _ids_of_words(
        self, joined: str, letters_K: NDArray[np.uint32], sizes_W: NDArray[np.int64]
    ) -> Aligned | None:
        """Ids of a text whose words have these letters and lengths, and what each stands for; None where the
        reference's ids, too, contradict the words."""
        ids = self._engine.ids(joined, lambda: spell_words(letters_K, sizes_W))
        found = self._align(ids, letters_K, sizes_W)
        if found is None and self._engine.name == "tokie":
            found = self._align(self._engine.redo(joined), letters_K, sizes_W)
        return found

    def _align(
        self, ids: NDArray[np.int32], letters_K: NDArray[np.uint32], sizes_W: NDArray[np.int64]
    ) -> Aligned | None:
        """Which letters each token stands for, or None unless the tokens of each word spell that word."""
        shapes = self._shapes.take(ids)
        heads_W = np.flatnonzero(shapes < GOES_ON)
        if len(heads_W) != len(sizes_W) or (len(ids) and (not len(heads_W) or heads_W[0])):
            return None
        sizes_T = (shapes & (GOES_ON - 1)).astype(np.int32)
        # [UNK] stands for its whole word.
        unknown = np.flatnonzero(ids.take(heads_W) == self.special.unk)
        sizes_T[heads_W[unknown]] = sizes_W[unknown]
        ends_T = np.cumsum(sizes_T, dtype=np.int32)
        # Sums at the words' ends: np.add.reduceat takes four times as long.
        last_W = np.append(heads_W[1:], len(ids))[: len(heads_W)] - 1
        ends_W = np.cumsum(sizes_W)
        if not np.array_equal(ends_T.take(last_W), ends_W):
            return None
        wrong = self._spelling.wrong(ids, sizes_T, ends_T, letters_K)
        words = np.searchsorted(ends_W, wrong, side="right")
        if not (ids.take(heads_W.take(words)) == self.special.unk).all():
            return None
        return Aligned(ids, heads_W, sizes_T, ends_T)

    def _by_library(self, texts: list[str]) -> TokenSpans:
        encodings = self._library.encode_batch(texts, add_special_tokens=False)
        ids, counts = join_ids(encodings)
        offsets = chain.from_iterable(chain.from_iterable(e.offsets for e in encodings))
        return TokenSpans(ids, np.fromiter(offsets, np.int32).reshape(-1, 2), counts)

    @cached_property
    def _characters(self) -> Characters:
        return Characters(self._library)

    @cached_property
    def _bare(self) -> list[str]:
        """The entries without what says that they go on a word."""
        return [entry.removeprefix(PREFIX) or entry for entry in self.entries]

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling(code_points("".join(self._bare)), list(map(len, self._bare)))

    @cached_property
    def _shapes(self) -> NDArray[np.uint8]:
        """Letters each entry spells (at most 127, no word has so many), plus GOES_ON."""
        sizes = np.minimum(list(map(len, self._bare)), GOES_ON - 1)
        goes_on = [entry != bare for entry, bare in zip(self.entries, self._bare, strict=True)]
        return np.asarray(sizes + GOES_ON * np.array(goes_on), np.uint8)


def _library(
    ids: dict[str, int], lower_case: bool, strip_accents: bool, split_hanja: bool, words: tuple[str, ...]
) -> Library:
    library = Library(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD))
    library.normalizer = _bert_normalizer(lower_case, strip_accents, split_hanja)
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.post_processor = template(list(ids), SpecialIds(*(ids[token] for token in SPECIAL_TOKENS)))
    library.add_special_tokens(list(SPECIAL_TOKENS))
    # Not normalised: looked for in the text as it is, as `encode_around` does.
    library.add_tokens([AddedToken(word, normalized=False) for word in words])
    library.encode_special_tokens = True  # "[MASK]" in a user's text is text
    return library


def hanja_splitter() -> pre_tokenizers.Split:
    """Each hanja a word of its own, where the normaliser puts no spaces around them."""
    return pre_tokenizers.Split(Regex(HANJA), "isolated")


def _bert_normalizer(lower_case: bool, strip_accents: bool, split_hanja: bool) -> normalizers.Normalizer:
    return normalizers.BertNormalizer(
        handle_chinese_chars=split_hanja, lowercase=lower_case, strip_accents=strip_accents
    )
