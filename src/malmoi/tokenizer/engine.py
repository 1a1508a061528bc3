"""Plain ids, as fast as this machine can: `tokie` where it proves equal to `tokenizers`, else `tokenizers`.

tokie encodes WordPiece about ten times faster on a core (benchmarks/tokenizer_speed.py) and byte-level BPE
four times, but is young; it is used only after its ids agree with the reference on lines of the text at hand,
and what all its ids spell is compared with the text by its callers.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Library

from malmoi.errors import MalmoiError

Choice = Literal["auto", "tokenizers"]
CHECKED_LINES = 1_000
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

    def ids(self, text: str) -> NDArray[np.int32]:
        """Ids of all words of an NFC text in order, no special tokens; to WordPiece, which takes newlines for
        white space, many lines are one text."""
        self._decide(text.split("\n"), len(text))
        if self._tokie is not None:
            return np.asarray(self._tokie.encode_batch_flat([text], add_special_tokens=False)[0]).astype(
                np.int32
            )
        return self.reference_ids(text.split("\n"))

    def batch(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Ids of texts laid end to end, no special tokens, and how many each has."""
        self._decide(texts, sum(map(len, texts)))
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
            ids, counts = np.concatenate(each), np.fromiter(map(len, each), np.int64, len(each))
        return ids, counts

    def reference_ids(self, lines: list[str]) -> NDArray[np.int32]:
        """The same by `tokenizers`, always."""
        return self._reference(lines)[0]

    def _reference(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        encodings = self._library.encode_batch_fast(texts, add_special_tokens=False)
        counts = np.fromiter(map(len, encodings), np.int64, len(encodings))
        return np.fromiter(chain.from_iterable(e.ids for e in encodings), np.int32), counts

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
        warnings.warn(str(MalmoiError("MM0209")), stacklevel=2)

    def _decide(self, lines: list[str], characters: int) -> None:
        """Try tokie, once, as soon as there is enough text to be worth it."""
        if self._undecided and characters >= WORTH_IT:
            self._undecided = False
            self._tokie = self._checked_tokie(lines)

    def _checked_tokie(self, lines: list[str]) -> Any:
        fast = _load_tokie(self._library)
        if fast is None:
            return None
        some = lines[:: max(1, len(lines) // CHECKED_LINES)][:CHECKED_LINES]
        found, _ = fast.encode_batch_flat(some, add_special_tokens=False)
        if np.array_equal(found, self.reference_ids(some)):
            return fast
        self._distrust()
        return None


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
