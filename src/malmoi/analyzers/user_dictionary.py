"""The user's words: a file of `word<TAB>tag` lines in, and where they stand in a text out. A user's word is
kept whole wherever it is written, by either library, so finding it is ours and not left to a score.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

from malmoi.analyzers.lines import as_line
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.special import SPECIAL_TOKENS

# Words that are written as they stand in the dictionary. Stems of verbs and adjectives are not: they
# conjugate.
WORD_TAGS = ("NNG", "NNP", "NNB", "NP", "NR", "MAG", "MAJ", "MM", "IC", "XR", "SL")
DEFAULT_TAG = "NNP"


class UserWords:
    """Words and their tags. Empty without a file.

    Raises MM0222 (no such file, not UTF-8), MM0223 (a word that cannot be kept whole), MM0224 (a tag that
    is none of `WORD_TAGS`), MM0225 (a word with two tags).
    """

    def __init__(self, path: Path | None = None) -> None:
        self.tags = _read(path) if path is not None else {}
        self._starts: dict[str, list[int]] = {}
        """The first two characters of words → the lengths of those words, longest first."""
        for word in self.tags:
            self._starts.setdefault(word[:2], []).append(len(word))
        for start, lengths in self._starts.items():
            self._starts[start] = sorted(set(lengths), reverse=True)

    @property
    def digest(self) -> str:
        """sha256 of words and tags, whatever their order; "" where there are none."""
        lines = "".join(f"{word}\t{tag}\n" for word, tag in sorted(self.tags.items()))
        return hashlib.sha256(lines.encode()).hexdigest() if lines else ""

    def find(self, text: str) -> list[tuple[int, int]]:
        """Spans of words in a text, from the left, the longest that fits first; they never overlap.

        Inside a longer word of Latin letters or digits nothing is found (AI is no part of CHAIR).
        """
        if not self._starts:
            return []
        starts, tags = self._starts, self.tags
        found: list[tuple[int, int]] = []
        free = 0
        # The same for 10 words or 100,000; a regular expression would try word after word at each character.
        for at in [at for at in range(len(text) - 1) if text[at : at + 2] in starts]:
            if at < free:
                continue
            for length in starts[text[at : at + 2]]:
                end = min(at + length, len(text))
                if text[at:end] in tags and _stands_alone(text, at, end):
                    free = end
                    found.append((at, end))
                    break
        return found


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not (
        (start and _latin(text[start]) and _latin(text[start - 1]))
        or (end < len(text) and _latin(text[end - 1]) and _latin(text[end]))
    )


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _read(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise MalmoiError(Code.USER_DICTIONARY_UNREADABLE, path, detail=error.strerror) from None
    except UnicodeDecodeError as error:
        raise MalmoiError(
            Code.USER_DICTIONARY_UNREADABLE, path, detail=f"UTF-8: {error.reason}, byte {error.start}"
        ) from None
    tags: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        written, _, tag = line.partition("\t")
        word = unicodedata.normalize("NFC", written.strip())
        tag = tag.strip() or DEFAULT_TAG
        where = f"{path}:{number}"
        # What means something else in a vocabulary would stand there twice.
        odd = word in SPECIAL_TOKENS or word.startswith(("##", "[unused"))
        if len(word) < 2 or as_line(word) != word or " " in word or odd:
            raise MalmoiError(Code.BAD_USER_WORD, where, word=word)
        if tag not in WORD_TAGS:
            raise MalmoiError(Code.BAD_USER_TAG, where, tag=tag, tags=" ".join(WORD_TAGS))
        if tags.setdefault(word, tag) != tag:
            raise MalmoiError(Code.WORD_WITH_TWO_TAGS, where, word=word, first=tags[word], second=tag)
    return tags
