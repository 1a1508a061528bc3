"""Work in slices: a pure function over one slice of input, run on a local process pool, resumable.

A slice writes into a folder of its own, which is renamed into place together with a `done.json` that
holds the slice's key (digest of its input and config). A slice whose `done.json` bears the same key is
skipped, so a cut build goes on where it was.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from malmoi.artifact.disk import disk_errors, sync_tree, write_json
from malmoi.artifact.finished import digest_json
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import JsonError, read_json
from malmoi.progress import Step

Spec = TypeVar("Spec")
DONE = "done.json"

# Each worker computes on one thread: two thread pools on one core only wait for each other.
ONE_THREAD = {
    "POLARS_MAX_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass(frozen=True)
class Slice(Generic[Spec]):
    """One unit of work: `process(spec, folder)`. `name` is its folder, `weight` its share of the bar."""

    name: str
    spec: Spec
    key: Any
    weight: float
    label: str = ""


def run_slices(
    process: Callable[[Spec, Path], dict[str, Any]],
    slices: Sequence[Slice[Spec]],
    folder: Path,
    *,
    workers: int,
    step: Step,
) -> list[dict[str, Any]]:
    """Run every slice that is not done yet; returns the counts of all, in the order of `slices`.

    `process` must be a module-level function (spawned workers import it) and is given an empty folder to
    write into. The first error stops the rest and is raised; finished slices stay finished.
    Raises MM0017 when a worker dies (out of memory, killed).
    """
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, Any]] = {}
    pending: list[Slice[Spec]] = []
    for part in slices:
        counts = _done(folder / part.name, part.key)
        if counts is None:
            pending.append(part)
        else:
            results[part.name] = counts
            step.skip(part.weight)
    if len(pending) <= 1 or workers <= 1:
        for part in pending:
            results[part.name] = _work(process, part.spec, folder / part.name, digest_json(part.key))
            step.advance(part.weight, part.label or part.name)
    else:
        with one_thread():
            _run_pool(process, pending, folder, min(workers, len(pending)), step, results)
    return [results[part.name] for part in slices]


def _run_pool(
    process: Callable[[Spec, Path], dict[str, Any]],
    pending: Sequence[Slice[Spec]],
    folder: Path,
    workers: int,
    step: Step,
    results: dict[str, dict[str, Any]],
) -> None:
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, initializer=begin_worker)
    clean = False
    try:
        futures: dict[Future[dict[str, Any]], Slice[Spec]] = {
            pool.submit(_work, process, part.spec, folder / part.name, digest_json(part.key)): part
            for part in pending
        }
        waiting = set(futures)
        while waiting:
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                part = futures[future]
                results[part.name] = future.result()
                step.advance(part.weight, part.label or part.name)
        clean = True
    except BrokenProcessPool:
        raise MalmoiError(Code.WORKER_DIED, folder) from None
    finally:
        if not clean:  # slices are atomic, so a worker may be ended at any moment
            for child in multiprocessing.active_children():
                child.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Processes spawned meanwhile compute on one thread: their libraries read this when they start."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def begin_worker() -> None:
    """Ctrl-C reaches the whole process group: workers leave it to the parent, which ends them. If the parent
    is killed itself nobody would, so each worker also watches for that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _work(
    process: Callable[[Spec, Path], dict[str, Any]], spec: Spec, target: Path, key: str
) -> dict[str, Any]:
    draft = target.with_name(target.name + ".tmp")
    with disk_errors(target):
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        draft.mkdir(parents=True)
        counts = process(spec, draft)
        write_json(draft / DONE, {"key": key, "counts": counts})
        sync_tree(draft)
        draft.rename(target)
    return counts


def _done(folder: Path, key: Any) -> dict[str, Any] | None:
    try:
        done = read_json(folder / DONE)
        counts: dict[str, Any] = done["counts"]
        return counts if done["key"] == digest_json(key) else None
    except (OSError, JsonError, KeyError, TypeError):  # torn: the slice is made again
        return None
