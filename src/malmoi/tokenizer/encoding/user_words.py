"""User words: strings that are one token wherever they stand, also inside an eojeol (말모이 in 새말모이를).

Texts are cut around them, what is left between is encoded apart, and the tokens are put together again: what
the `tokenizers` library does with added tokens, here around any encoder of NFC texts. Words are looked for in
all texts at once (Aho-Corasick): 3.6 MB of comments took 1.4 times as long as without where none of 5,000
words stood in them, and 2.2 times where words stood in 50,000 places.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.paths import as_stored
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.encoding.characters import lengths_of, line_begins
from malmoi.tokenizer.encoding.frame import TokenSpans

# F = words found, T = tokens.

UNUSED = re.compile(r"\[unused\d+\]")
_SPACES = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")  # category Zs
SHARED_FLAGS = ("single_word", "lstrip", "rstrip")


def read_words(file: Path, refused: Callable[[str], bool] | None = None) -> tuple[str, ...]:
    """The words of a file, one a line, each once, in the characters that the corpus stage makes of a text;
    what follows a tab is left aside, so an analyzer's user dictionary will do, and any run of spaces is one.
    `refused` says which words mean something else in the vocabulary they are for.

    Raises MM0260 (no such file, not UTF-8, no word in it) and those of `check_words`.
    """

    from malmoi.corpus.characters import clean_characters

    try:
        lines = as_stored(file).read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise MalmoiError(
            Code.WORDS_UNREADABLE, file, detail=getattr(error, "strerror", None) or error
        ) from None
    words: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        # A no-break space, common in what comes out of a spreadsheet, would be found in no text.
        word = composed(_SPACES.sub(" ", line.partition("\t")[0].strip()))
        if word and word not in words:
            words[word] = number
    if not words:
        raise MalmoiError(Code.WORDS_UNREADABLE, file, detail="0 words")
    check_words(words, str(file), refused)
    # As the corpus stage writes them: a zero-width character inside would be found in no text either.
    return tuple(dict.fromkeys(clean_characters(word, 0).text.strip() for word in words))


def check_words(words: Mapping[str, int], file: str, refused: Callable[[str], bool] | None = None) -> None:
    """Raise MM0261 for a word (→ its line) that means something else in a vocabulary: a special token,
    [unusedN], what starts with ## (the inside of a word), or a control character."""
    for word, number in words.items():
        kinds = {category(char) for char in word}
        odd = word in SPECIAL_TOKENS or UNUSED.fullmatch(word) or word.startswith("##")
        # Zero-width joiners (Cf) are fine inside, as in emoji, but nothing by themselves.
        odd = odd or (refused is not None and refused(word))
        if odd or kinds & {"Cc", "Cs", "Zl", "Zp"} or kinds <= {"Cf", "Zs"}:
            raise MalmoiError(Code.BAD_WORD, f"{file}:{number}", word=repr(word)[1:-1])


def fit_words(entries: Sequence[str], words: Sequence[str], room: int) -> list[str]:
    """Learned entries and after them the words that are not among them, `room` together: as many of the last
    learned entries go as it takes."""
    kept, wanted = list(entries), set(words)
    missing = len(wanted - set(kept))
    while kept and len(kept) + missing > room:
        missing += kept.pop() in wanted
    known = set(kept)
    return kept + [word for word in words if word not in known]


def cut_out(text: str, words: Sequence[str]) -> str:
    """The text with a space in the place of each word: what `encode` is given, for learning from it."""
    import polars as pl

    patterns = _patterns(words, SPECIAL_TOKENS)
    wanted = set(words)
    put = [" " if pattern in wanted else pattern for pattern in patterns]
    frame = pl.DataFrame({"text": [text]})
    return str(frame.select(pl.col("text").str.replace_many(patterns, put, leftmost=True)).item())


def encode_around(
    texts: list[str],
    ids: Mapping[str, int],
    encode: Callable[[list[str]], TokenSpans],
    reserved: Iterable[str] = SPECIAL_TOKENS,
) -> TokenSpans:
    """Tokens of NFC texts: `ids[word]` for each word, leftmost first and of those the longest, `encode` for
    what lies between, each stretch a text of its own.

    `reserved` are strings in which no word is looked for: the library matches special tokens first, and then
    takes them for text.
    """
    if not ids:
        return encode(texts)
    joined = "\n".join(texts)
    spans_F2, ids_F = _find(joined, ids, reserved)
    if not len(ids_F):
        return encode(texts)
    begins = line_begins(texts)
    # A stretch opens where a text begins or a word ends, and closes where a word begins or a text ends.
    opens = np.sort(np.concatenate([begins, spans_F2[:, 1]]))
    closes = np.sort(np.concatenate([begins + lengths_of(texts), spans_F2[:, 0]]))
    opens, closes = opens[opens < closes], closes[opens < closes]
    between = [joined[a:b] for a, b in zip(opens.tolist(), closes.tolist(), strict=True)]
    pieces = encode(between)
    spans_T2 = pieces.spans + np.repeat(opens, pieces.counts)[:, None]
    at_F = np.searchsorted(spans_T2[:, 0], spans_F2[:, 0])
    spans_T2 = np.insert(spans_T2, at_F, spans_F2, axis=0)
    first = np.append(np.searchsorted(spans_T2[:, 0], begins), len(spans_T2))
    counts = np.diff(first)
    return TokenSpans(
        np.insert(pieces.ids, at_F, ids_F),
        (spans_T2 - np.repeat(begins, counts)[:, None]).astype(np.int32),
        counts,
        None if pieces.morphemes is None else np.insert(pieces.morphemes, at_F, True),
    )


def _find(
    text: str, ids: Mapping[str, int], reserved: Iterable[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[start, end) in characters (F, 2) and ids (F,) of the words in a text, in order, never overlapping."""
    import polars as pl

    patterns = _patterns(ids, reserved)
    column = pl.col("text").str
    frame = pl.DataFrame({"text": [text]})
    starts = frame.select(column.find_many(patterns, leftmost=True)).item()
    if not len(starts):
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    found: list[str] = frame.select(column.extract_many(patterns, leftmost=True)).item().to_list()
    codes = np.frombuffer(text.encode(), np.uint8)
    character_of = (
        np.cumsum((codes & 0xC0) != 0x80, dtype=np.int32) - 1
    )  # of each byte: 10xxxxxx goes on a character
    starts_F = character_of[starts.to_numpy()].astype(np.int64)
    spans = np.stack([starts_F, starts_F + [len(word) for word in found]], axis=1)
    ids_F = np.array([ids.get(word, -1) for word in found], np.int64)
    return spans[ids_F >= 0], ids_F[ids_F >= 0]


def _patterns(words: Iterable[str], reserved: Iterable[str]) -> list[str]:
    """Of matches that start together the pattern named first wins: the longest."""
    return sorted({*words, *reserved}, key=lambda word: (-len(word), word))


def saved_words(words: Iterable[str], normalizer: Any, **flags: bool) -> list[AddedToken]:
    """The words as added tokens of a tokenizer.json whose normaliser composes: looked for in what it makes of
    a text, so that a decomposed one has them too. A word it would change, such as an emoji of several whose
    joiners BERT drops, is looked for in the text as it is; without `normalizer` all are.
    """
    return [
        AddedToken(word, normalized=True, **flags)
        if normalizer is not None and normalizer.normalize_str(word) == word
        else AddedToken(word, normalized=False)
        for word in words
    ]


def added_words(tokens: Iterable[Mapping[str, Any]], file: Path, lower_case: bool) -> dict[str, int]:
    """Added tokens as a peer's tokenizer.json lists them, all but the special ones: words in our sense.

    Raises MM0203 for one with a flag that would give other ids (only whole words, white space eaten, compared
    in lower case).
    """
    words: dict[str, int] = {}
    for token in tokens:
        if token.get("special") or token["content"] in SPECIAL_TOKENS:
            continue
        flags = [flag for flag in SHARED_FLAGS if token.get(flag)]
        flags += ["normalized"] if token.get("normalized") and lower_case else []
        if flags:
            raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"{token['content']}: {', '.join(flags)}")
        words[token["content"]] = token["id"]
    return words
