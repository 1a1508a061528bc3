"""Morpheme analyzers: `open_analyzer("kiwi")`. A new one is a file of its own and an entry of `ANALYZERS`
that names it: each needs its own library, and is imported where it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malmoi.analyzers.protocol import Analyzer, AnalyzerKind, Morphemes, Surfaces
from malmoi.analyzers.user_dictionary import UserWords
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.kinds import imported

__all__ = ["ANALYZERS", "DEFAULT", "Analyzer", "AnalyzerKind", "Morphemes", "Surfaces", "open_analyzer"]

ANALYZERS: dict[str, AnalyzerKind] = {
    # Answers come back 60 to 170 times as fast (0.07 to 0.17 MB/s; 5 to 14 from the file). Threads share one
    # model of half a gigabyte.
    "kiwi": AnalyzerKind(
        f"{__name__}.kiwi:Kiwi", packages="kiwipiepy", has_threads=True, worth_remembering=True
    ),
    # Answers would come back 4 to 17 times as fast (0.9 to 1.6 MB/s on a busy machine, 2.2 on a quiet one; 6
    # to 16 from the file), but take five times the text on the disk: a gigabyte would save 100 s, where it
    # saves half an hour of Kiwi. It holds Python's lock while it works: two threads took as long as one.
    "mecab": AnalyzerKind(f"{__name__}.mecab:Mecab", packages="mecab-python3 python-mecab-ko-dic"),
}
DEFAULT = "kiwi"


def open_analyzer(name: str, user_dictionary: Path | None = None, *, threads: int = 1) -> Analyzer:
    """The analyzer `name`, which keeps the words of `user_dictionary` whole. `threads` are the library's own,
    for those that have some (`parallel.open_parallel` knows what is best for each).

    Raises MM0220 (its library is missing), MM0221 (no analyzer of that name), MM0222 to MM0225 (the
    dictionary, see `user_dictionary.UserWords`).
    """
    kind = kind_of(name)
    words = UserWords(user_dictionary)
    maker = _maker(name)
    try:
        analyzer: Analyzer = maker(words, threads) if kind.has_threads and threads > 1 else maker(words)
    except ImportError as error:
        raise _missing(name, error) from None
    return analyzer


def kind_of(name: str) -> AnalyzerKind:
    """Raises MM0221."""
    if name not in ANALYZERS:
        raise MalmoiError(Code.UNKNOWN_ANALYZER, name=name, names=", ".join(ANALYZERS))
    return ANALYZERS[name]


def check_library(name: str) -> None:
    """Raise MM0220 now where it would come up after the work of other stages."""
    _maker(name)


def _maker(name: str) -> Any:
    try:
        return imported(ANALYZERS[name].opens)
    except ImportError as error:
        raise _missing(name, error) from None


def _missing(name: str, error: ImportError) -> MalmoiError:
    return MalmoiError(
        Code.ANALYZER_NOT_INSTALLED, name=name, detail=error, packages=ANALYZERS[name].packages
    )
