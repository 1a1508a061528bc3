"""SentencePiece, unigram or BPE: texts to flat ids with spans in the caller's characters.

Spans come from the lengths of the pieces wherever the pieces spell out the words of the text, which is
compared letter by letter; the library is asked for its own offsets for the texts where they do not: unknown
characters, and what a peer's normaliser rewrites.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from malmoi.artifact.disk import write_bytes
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.tokenizer.about import ABOUT, NORMALIZED, read_about, read_settings, write_about
from malmoi.tokenizer.base import Ids, digest
from malmoi.tokenizer.encoding.characters import bounds_of, lengths_of
from malmoi.tokenizer.encoding.frame import SpanTokenizer, TokenSpans
from malmoi.tokenizer.encoding.spaces import make_stream, visible_span
from malmoi.tokenizer.encoding.user_words import encode_around
from malmoi.tokenizer.names import NAMES, find_special, write_for_transformers
from malmoi.tokenizer.sentencepiece import spm
from malmoi.tokenizer.sentencepiece.spm import FILE, SPACE, Model
from malmoi.tokenizer.wordpiece.engine import Choice

GROUP = 500
"""Characters given to the library at once, cut at spaces. It adds scores up in 32 bits from the start of what
it is given: in a text of a million characters the sum is off by 0.5, and the last words are cut by chance."""
KINDS = ("unigram", "bpe")


class SentencePiece(SpanTokenizer):
    """A SentencePiece model of kind unigram or bpe; implements the `Tokenizer` protocol.

    Args:
        model: its special tokens are among its pieces. "[MASK]" written in a text is text, also where a
            peer's model says otherwise.
        learned: how many pieces mean something, when the rest is [unused] filling.
        words: pieces that are one token wherever they stand (`encoding.user_words`); a space is ▁ in a piece.
        where: the file, for messages.
    """

    def __init__(
        self,
        model: Model,
        *,
        learned: int | None = None,
        words: Sequence[str] = (),
        where: Path = Path(FILE),
    ) -> None:
        self.model = _hide(model, set(chain.from_iterable(NAMES)))
        self.kind = model.kind
        self.words = tuple(words)
        written = {spm.as_piece(word): word for word in self.words}
        self.entries = [written.get(entry, entry) for entry in model.entries]
        ids = {entry: index for index, entry in enumerate(self.entries)}
        self._word_ids = {word: ids[word] for word in self.words}
        self.learned = len(self.entries) if learned is None else learned
        self.special = find_special(self.entries, where)
        between = _hide(self.model, written.keys())  # we look for words, not the library
        try:
            self._library: Any = sentencepiece.SentencePieceProcessor(model_proto=between.to_bytes())
        except RuntimeError as error:
            raise MalmoiError(
                Code.SENTENCEPIECE_UNREADABLE, where, detail=str(error).splitlines()[0]
            ) from None
        # A piece never reaches over a space: each word can be cut alone, white space made one by ourselves.
        self._whole = all(SPACE not in p.text[1:] for p in between.pieces if p.type != spm.CONTROL)
        self._by_words = not model.charsmap and model.spaces and self._whole

    @property
    def vocab_size(self) -> int:
        return len(self.entries)

    @property
    def rules(self) -> dict[str, Any]:
        """White space and the peer's normaliser, by its digest."""
        return {"spaces": "one" if self.model.spaces else "kept", "normalizer": digest(self.model.charsmap)}

    @property
    def details(self) -> dict[str, str]:
        """Scores of the pieces."""
        return {FILE: digest(str(self.model.pieces).encode())}

    def text(self, ids: Ids, starts_word: NDArray[np.bool_]) -> str:
        """Pieces hold the spaces themselves."""
        return "".join(self.tokens(ids)).replace(SPACE, " ").strip()

    def encode_spans(self, texts: list[str]) -> TokenSpans:
        """Ids, spans and tokens per text of NFC texts, no special tokens."""
        return encode_around(texts, self._word_ids, self._encode)

    def _encode(self, texts: list[str]) -> TokenSpans:
        """The same for texts without user words."""
        if self._by_words:  # ▁ typed by a user is a space to the library as well
            texts = [text.replace(SPACE, " ") for text in texts]
        words = [text.split() for text in texts]
        units = [_groups(these) if self._by_words else [these] for these in words]
        each = [len(groups) for groups in units]
        flat = list(chain.from_iterable(units))
        given = [" ".join(unit) for unit in flat] if self._by_words else texts
        ids_U: list[list[int]] = self._library.encode(given, return_type=int, num_threads=1)
        spelled_U = [SPACE + SPACE.join(unit) if unit else "" for unit in flat]
        counts_U = lengths_of(ids_U)
        ids = np.fromiter(chain.from_iterable(ids_U), np.int32, int(counts_U.sum()))
        sizes = self._sizes[ids]
        spells = self._spellings
        bad = [
            unit
            for unit, (found, spelled) in enumerate(zip(ids_U, spelled_U, strict=True))
            if "".join([spells[index] for index in found]) != spelled
        ]
        stream = make_stream(texts)
        begins_U = bounds_of(lengths_of(spelled_U))[:-1]
        bounds_U = bounds_of(counts_U)
        first_U = bounds_U[:-1]
        ends = bounds_of(sizes)
        # Each unit's tokens are counted from where its own words begin, whatever came out before them.
        shift_U = begins_U - ends[first_U]
        ends = ends[1:] + np.repeat(shift_U, counts_U)
        last = max(0, len(stream.at) - 1)
        at = stream.at if len(stream.at) else np.zeros(1, np.int32)
        spans = np.stack([at[np.clip(ends - sizes, 0, last)], at[np.clip(ends - 1, 0, last)] + 1], axis=1)
        for unit in bad:
            tokens = slice(int(first_U[unit]), int(first_U[unit] + counts_U[unit]))
            way_back = at[int(begins_U[unit]) + 1 :] if self._by_words else None
            spans[tokens] = np.reshape(self._by_library(given[unit], way_back), (-1, 2))
        return TokenSpans(ids, spans.astype(np.int32), np.diff(bounds_U[bounds_of(np.array(each, np.int64))]))

    def _by_library(self, given: str, way_back: NDArray[np.int32] | None) -> list[tuple[int, int]]:
        """Spans by the library's offsets; `way_back` has the position in the text of each given character."""
        found = self._library.encode(given, return_type="offset_mapping")
        spans = [visible_span(given, start, end) for start, end in found["offsets"]]
        if way_back is None:
            return spans
        return [(int(way_back[start]), int(way_back[end - 1]) + 1) for start, end in spans]

    def save(self, folder: Path) -> None:
        """Write tokenizer.model, tokenizer.json and tokenizer_config.json (transformers) and malmoi.json.

        No tokenizer.json for a peer's model that joins words, keeps spaces or falls back to bytes: that would
        cut otherwise.
        """
        from malmoi.tokenizer.sentencepiece.hf_json import to_library

        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / FILE, self.model.to_bytes())
        if self._whole and self.model.spaces and not any(p.type == spm.BYTE for p in self.model.pieces):
            library = to_library(self.model, self.special, self.words)
            write_for_transformers(folder, library, self.entries, self.special, NORMALIZED[self.one_spelling])
        write_about(folder, self, self.words, special=asdict(self.special))

    @cached_property
    def _spellings(self) -> list[str]:
        """What each piece spells in a text; control characters never do, so [UNK] spells no text."""
        plain = (spm.NORMAL, spm.USER_DEFINED)
        return [piece.text if piece.type in plain else "\0\n" for piece in self.model.pieces]

    @cached_property
    def _sizes(self) -> NDArray[np.int64]:
        return np.array([len(entry) for entry in self.entries], np.int64)


def _hide(model: Model, texts: Collection[str]) -> Model:
    """The model with those of its user-defined pieces never found in a text."""
    pieces = [
        replace(piece, type=spm.CONTROL) if piece.text in texts and piece.type == spm.USER_DEFINED else piece
        for piece in model.pieces
    ]
    return replace(model, pieces=tuple(pieces))


def _groups(words: list[str]) -> list[list[str]]:
    """Words in groups of at most GROUP characters (one word where it alone is longer)."""
    if sum(map(len, words)) + len(words) <= GROUP:
        return [words] if words else []
    groups: list[list[str]] = [[]]
    room = GROUP
    for word in words:
        if groups[-1] and room <= len(word):
            groups.append([])
            room = GROUP
        groups[-1].append(word)
        room -= len(word) + 1
    return groups


def open_sentencepiece(path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto") -> SentencePiece:
    """Open a SentencePiece model from a folder or a file, or what transformers wrote of one of ours again.
    `engine` is WordPiece's.

    Raises MM0202 (no model in the folder), MM0203 (words or characters, not pieces; user words that are no
    pieces; a tokenizer.json that is not ours), MM0204 (empty), MM0206
    (special tokens missing), MM0231 (not a model, or damaged), MM0808 (beside a vocab.txt of other ids).
    """
    file = (spm.model_file(path) or path / "tokenizer.json") if path.is_dir() else path
    if not file.exists():
        raise MalmoiError(Code.NO_TOKENIZER_IN_FOLDER, path)
    if file.suffix == ".json":
        from malmoi.tokenizer.sentencepiece.hf_json import from_json

        model, words = from_json(file, read_settings(file))
        return SentencePiece(model, words=words, where=file)
    model = spm.read_model(file)
    if model.kind not in KINDS:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"SentencePiece {model.kind}")
    _check_list(file.parent / "vocab.txt", model)
    about = read_about(file.parent) if file.name == FILE else {}
    words = about.get("words", ())
    known = {piece.text for piece in model.pieces if piece.type == spm.USER_DEFINED}
    if strange := [word for word in words if spm.as_piece(word) not in known]:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file.parent / ABOUT, found=f"words: {strange[0]}")
    return SentencePiece(model, learned=about.get("learned"), words=words, where=file)


def _check_list(file: Path, model: spm.Model) -> None:
    """Raises MM0808 where a vocab.txt beside the model numbers the pieces otherwise: monologg's KoBERT takes
    its ids from that list, which is the model's; of another one might not know."""
    if not file.exists():
        return
    listed = file.read_text("utf-8", "replace").split("\n")
    for index, (own, entry) in enumerate(zip_longest(listed[: len(model.pieces)], model.entries)):
        if own != entry:
            aside = file.with_name("vocab-aside.txt")
            raise MalmoiError(
                Code.VOCABULARIES_DISAGREE,
                file,
                id=index,
                listed=own or "",
                entry=entry,
                file=file,
                aside=aside,
            )
