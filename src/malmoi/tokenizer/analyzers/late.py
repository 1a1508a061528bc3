"""An analyzer that is opened when the first text is to be cut: who reads only a vocabulary's entries needs no
analyzer's library, and none of its half gigabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from malmoi.tokenizer.analyzers.base import Analyzer, Morphemes, Surfaces
from malmoi.tokenizer.analyzers.cache import Cached


class Late:
    """`opener()` on demand; `told` is the identity on record, which holds until then.

    Every call that cuts a text raises what `opener` raises, until it succeeds.
    """

    def __init__(self, told: Mapping[str, str], opener: Callable[[], Analyzer]) -> None:
        self._told = dict(told)
        self._opener = opener

    @cached_property
    def opened(self) -> Analyzer:
        return self._opener()

    @property
    def bare(self) -> Analyzer:
        """Without its memory, for who measures how fast it is."""
        return self.opened.analyzer if isinstance(self.opened, Cached) else self.opened

    @property
    def name(self) -> str:
        return self._told["analyzer"]

    @property
    def identity(self) -> dict[str, str]:
        return self.opened.identity if "opened" in self.__dict__ else self._told

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        return self.opened.analyze(texts)

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        return self.opened.surfaces(texts)
