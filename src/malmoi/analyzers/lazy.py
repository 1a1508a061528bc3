"""An analyzer that is opened when the first text is to be cut: who reads only a vocabulary's entries needs no
analyzer's library, and none of its half gigabyte.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from malmoi.analyzers.cache import Cached
from malmoi.analyzers.protocol import Analyzer, Morphemes, Surfaces


class Lazy:
    """`opener()` on demand; `told` is the identity on record, which holds until then.

    Every call that cuts a text raises what `opener` raises, until it succeeds.
    """

    def __init__(self, told: Mapping[str, str], opener: Callable[[], Analyzer]) -> None:
        self._told = dict(told)
        self._opener = opener
        self._opened: Analyzer | None = None
        self._lock = threading.Lock()

    @property
    def opened(self) -> Analyzer:
        with self._lock:  # several threads open one: Kiwi takes 2.6 s and half a gigabyte
            if self._opened is None:
                self._opened = self._opener()
            return self._opened

    @property
    def bare(self) -> Analyzer:
        """Without its memory, for who measures how fast it is."""
        return self.opened.analyzer if isinstance(self.opened, Cached) else self.opened

    @property
    def name(self) -> str:
        return self._told["analyzer"]

    @property
    def identity(self) -> dict[str, str]:
        return self._told if self._opened is None else self._opened.identity

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        return self.opened.analyze(texts)

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        return self.opened.surfaces(texts)
