"""An analyzer on several cores: by its library's own threads where it has some, else by processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np

from malmoi.analyzers import kind_of, open_analyzer
from malmoi.analyzers.protocol import Analyzer, Morphemes, Surfaces, join_morphemes, join_surfaces
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.slices import begin_worker, one_thread

Found = TypeVar("Found")
PORTION = 100_000  # characters handed to a process at once, about 0.1 s of Mecab

_analyzer: Analyzer | None = None  # of a worker process


@contextmanager
def open_parallel(name: str, user_dictionary: Path | None = None, *, workers: int) -> Iterator[Analyzer]:
    """The analyzer `name` on `workers` cores, with the same answers in the same order.

    Raises what `open_analyzer` raises, and MM0017 when a process dies.
    """
    if workers <= 1 or kind_of(name).has_threads:
        yield open_analyzer(name, user_dictionary, threads=workers)
        return
    analyzer = open_analyzer(name, user_dictionary)
    spawn = multiprocessing.get_context("spawn")
    begin = (name, user_dictionary)
    with one_thread(), ProcessPoolExecutor(workers, spawn, initializer=_begin, initargs=begin) as pool:
        yield _Processes(analyzer, pool, workers)


class _Processes:
    """Texts in portions to a pool of processes, one analyzer in each."""

    def __init__(self, analyzer: Analyzer, pool: ProcessPoolExecutor, workers: int) -> None:
        self._analyzer = analyzer
        self._pool = pool
        self._workers = workers

    @property
    def name(self) -> str:
        return self._analyzer.name

    @property
    def identity(self) -> dict[str, str]:
        return self._analyzer.identity

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        portions = self._portions(texts)
        if len(portions) < 2:
            return self._analyzer.analyze(texts)
        return join_morphemes(self._map(_analyze, portions))

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        portions = self._portions(texts)
        if len(portions) < 2:
            return self._analyzer.surfaces(texts)
        return join_surfaces(self._map(_surfaces, portions))

    def _map(self, work: Callable[[Sequence[str]], Found], portions: list[Sequence[str]]) -> list[Found]:
        try:
            return list(self._pool.map(work, portions))
        except BrokenProcessPool:
            raise MalmoiError(Code.WORKER_DIED) from None

    def _portions(self, texts: Sequence[str]) -> list[Sequence[str]]:
        """Slices of about PORTION characters, or less where that would leave a process idle."""
        ends = np.cumsum([len(text) + 1 for text in texts]) if texts else np.zeros(0, np.int64)
        total = int(ends[-1]) if len(ends) else 0
        pieces = min(len(texts), max(-(-total // PORTION), self._workers if total > PORTION // 4 else 1))
        cuts = (
            [int(np.searchsorted(ends, total * n // pieces, side="right")) for n in range(1, pieces)]
            if pieces
            else []
        )
        bounds = [0, *cuts, len(texts)]
        return [texts[a:b] for a, b in pairwise(bounds) if b > a]


def _begin(name: str, user_dictionary: Path | None) -> None:
    global _analyzer
    begin_worker()
    _analyzer = open_analyzer(name, user_dictionary)


def _analyze(texts: Sequence[str]) -> Morphemes:
    assert _analyzer is not None
    return _analyzer.analyze(texts)


def _surfaces(texts: Sequence[str]) -> Surfaces:
    assert _analyzer is not None
    return _analyzer.surfaces(texts)
