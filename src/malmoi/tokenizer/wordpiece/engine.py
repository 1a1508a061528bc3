"""Plain ids, as fast as this machine can: `tokie` where it proves equal to `tokenizers`, else `tokenizers`.

tokie encodes WordPiece about ten times faster on a core (benchmarks/tokenizer.py) and byte-level BPE four
times, but is young; it is used only after its ids agree with the reference on lines of the text at hand,
some lines of every later text are compared too, and its callers compare what all its ids spell with the text,
letter by letter (`spelling.py`).
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, pre_tokenizers
from tokenizers import Tokenizer as Library

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.tokenizer.encoding.characters import lengths_of

Choice = Literal["auto", "tokenizers"]
CHECKED_LINES = 1_000
WORDS = 500  # in one string for the library
CHECKED_LATER = 20  # lines of each later text of WORTH_IT characters: 2 % of the time for texts of 4 MB
MOST_CONTRADICTIONS = 10
LONGEST = 10_000  # characters; tokie 0.1.4 cuts byte-level texts over some 50,000 bytes in two and panics
WORTH_IT = 50_000  # characters; below, loading tokie (40 ms) costs more than it saves


class Engine:
    """Ids of texts by a tokenizer of the `tokenizers` library. `name` is the library at work."""

    def __init__(self, library: Library, choice: Choice = "auto") -> None:
        self._library = library
        self._tokie: Any = None
        self._contradictions = 0
        self._undecided = choice == "auto"

    @property
    def name(self) -> str:
        return "tokenizers" if self._tokie is None else "tokie"

    def ids(self, text: str, words: Callable[[], str] | None = None) -> NDArray[np.int32]:
        """Ids of all words of an NFC text in order, no special tokens; to WordPiece, which takes newlines for
        white space, many lines are one text.

        `words()` gives the same words with a space between them, for whom there is no tokie.
        """
        if len(text) >= WORTH_IT:
            self._check(text.split("\n"))
        if self._tokie is not None and not _is_endless(text):
            # tokie 0.1.4 cuts long texts for its threads at spaces alone: 60,000 characters of words between
            # newlines end in a panic, in the middle of a character.
            try:
                found = self._tokie.encode_batch_flat([text.replace("\n", " ")], add_special_tokens=False)[0]
            except BaseException as error:
                if type(error).__name__ != "PanicException":  # its class cannot be imported
                    raise
                return self.redo(text)
            return np.asarray(found).astype(np.int32)
        if words is not None and len(text) >= WORTH_IT:
            spelled = words()
            return self.word_ids(spelled.split(" ")) if spelled else np.zeros(0, np.int32)
        return self.reference_ids(text.split("\n"))

    def word_ids(self, words: list[str]) -> NDArray[np.int32]:
        """The same by `tokenizers`' model alone, each word once: of 470,000 words in 4 MB of encyclopedia
        120,000 differ, and words already found need no normaliser; that is twice as fast."""
        places = {word: place for place, word in enumerate(dict.fromkeys(words))}
        different = list(places)
        lines = [" ".join(different[at : at + WORDS]) for at in range(0, len(different), WORDS)]
        encodings = self._words_library.encode_batch_fast(lines, add_special_tokens=False)
        ids_U, _ = join_ids(encodings)
        starts_U = np.flatnonzero(~self._goes_on[ids_U])
        counts_U = np.diff(starts_U, append=len(ids_U))
        place_W = np.fromiter(map(places.__getitem__, words), np.int64, len(words))
        counts_W = counts_U[place_W]
        ends_W = np.cumsum(counts_W)
        first_T = np.repeat(starts_U[place_W] - (ends_W - counts_W), counts_W)
        return ids_U[first_T + np.arange(len(first_T))]

    @cached_property
    def _goes_on(self) -> NDArray[np.bool_]:
        """Whether each entry goes on a word."""
        vocabulary = self._library.get_vocab()
        entries = sorted(vocabulary, key=lambda entry: vocabulary[entry])
        return np.array([entry.startswith("##") and len(entry) > 2 for entry in entries])

    @cached_property
    def _words_library(self) -> Library:
        library = Library(self._library.model)
        library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        return library

    def batch(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Ids of texts laid end to end, no special tokens, and how many each has."""
        if sum(map(len, texts)) >= WORTH_IT:
            self._check(texts)
        if self._tokie is None:
            return self._reference(texts)
        long = [index for index, text in enumerate(texts) if len(text) > LONGEST]
        short = list(texts)
        for index in long:
            short[index] = ""
        found = self._tokie.encode_batch_flat(short, add_special_tokens=False)
        ids, counts = np.asarray(found[0]).astype(np.int32), np.asarray(found[1]).astype(np.int64)
        if long:
            each = np.split(ids, np.cumsum(counts)[:-1])
            for index in long:
                each[index] = self.reference_ids([texts[index]])
            ids, counts = np.concatenate(each), lengths_of(each)
        return ids, counts

    def reference_ids(self, lines: list[str]) -> NDArray[np.int32]:
        """The same by `tokenizers`, always."""
        return self._reference(lines)[0]

    def _reference(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        encodings = self._library.encode_batch_fast(texts, add_special_tokens=False)
        return join_ids(encodings)

    def redo(self, text: str) -> NDArray[np.int32]:
        """Ids by `tokenizers` for a text whose ids contradict its words; tokie goes when that happens often.

        Met once in 300 MB of encyclopedia: tokenizers 0.23 takes U+2B820 to U+2B91F for letters, tokie 0.1
        for hanja.
        """
        return self.redo_batch(text.split("\n"))[0]

    def redo_batch(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """`redo` for `batch`."""
        self._contradictions += 1
        if self._contradictions >= MOST_CONTRADICTIONS:
            self._distrust()
        return self._reference(texts)

    def _distrust(self) -> None:
        """Give tokie up for good, and say so."""
        self._tokie = None
        warnings.warn(str(MalmoiError(Code.TOKIE_DISAGREES)), stacklevel=2)

    def _check(self, lines: list[str]) -> None:
        """Compare some lines: many of the first long text, which decide about tokie, few of the rest."""
        if self._undecided:
            self._undecided, wanted = False, CHECKED_LINES
            self._tokie = _load_tokie(self._library)
        else:
            wanted = CHECKED_LATER
        if self._tokie is None:
            return
        some = [line for line in lines[:: max(1, len(lines) // wanted)][:wanted] if len(line) <= LONGEST]
        found, _ = self._tokie.encode_batch_flat(some, add_special_tokens=False)
        if not np.array_equal(found, self.reference_ids(some)):
            self._distrust()


def join_ids(encodings: Sequence[Encoding]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Ids of the library's encodings laid end to end, and how many each has."""
    ids = np.fromiter(chain.from_iterable(e.ids for e in encodings), np.int32)
    return ids, lengths_of(encodings)


def _is_endless(text: str) -> bool:
    """Whether a word may be longer than LONGEST: tokie 0.1.4 cuts words over some 30,000 characters, and one
    of 333,333 Hangul ends the process (SIGSEGV)."""
    half = LONGEST // 2
    starts = range(0, len(text) - half + 1, half)
    return any(text.find(" ", at, at + half) < 0 and text.find("\n", at, at + half) < 0 for at in starts)


def _load_tokie(library: Library) -> Any:
    try:
        import tokie
    except ImportError:
        return None
    state = json.loads(library.to_str())
    # Without added tokens, "[SEP]" in a text is text: five pieces and no id 3.
    state |= {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_text(json.dumps(state, ensure_ascii=False), "utf-8")
        return tokie.Tokenizer.from_json(str(path))
