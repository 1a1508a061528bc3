"""Morpheme analyzers: `open_analyzer("kiwi")`. Each needs its own library, which is loaded late."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from malmoi.analyzers.protocol import Analyzer, Morphemes, Surfaces
from malmoi.analyzers.user_dictionary import UserWords
from malmoi.errors import MalmoiError

__all__ = ["ANALYZERS", "Analyzer", "Morphemes", "Surfaces", "open_analyzer"]

# name → module of this package, class (user's words) → Analyzer, and what pip installs its library.
ANALYZERS = {
    "kiwi": ("kiwi", "Kiwi", "kiwipiepy"),
    "mecab": ("mecab", "Mecab", "mecab-python3 python-mecab-ko-dic"),
}


def open_analyzer(name: str, user_dictionary: Path | None = None, *, threads: int = 1) -> Analyzer:
    """The analyzer `name`, which keeps the words of `user_dictionary` whole. `threads` are the library's own,
    and only Kiwi has some (`parallel.open_parallel` knows what is best for each).

    Raises MM0220 (its library is missing), MM0221 (no analyzer of that name), MM0222 to MM0225 (the
    dictionary, see `words.UserWords`).
    """
    if name not in ANALYZERS:
        raise MalmoiError("MM0221", name=name, names=", ".join(ANALYZERS))
    words = UserWords(user_dictionary)
    maker = _maker(name)
    try:
        analyzer: Analyzer = maker(words, threads) if threads > 1 else maker(words)
    except ImportError as error:
        raise _missing(name, error) from None
    return analyzer


def check_library(name: str) -> None:
    """Raise MM0220 now where it would come up after the work of other stages."""
    _maker(name)


def _maker(name: str) -> Any:
    module, made, _ = ANALYZERS[name]
    try:
        return getattr(import_module(f"{__name__}.{module}"), made)
    except ImportError as error:
        raise _missing(name, error) from None


def _missing(name: str, error: ImportError) -> MalmoiError:
    return MalmoiError("MM0220", name=name, detail=error, packages=ANALYZERS[name][2])
