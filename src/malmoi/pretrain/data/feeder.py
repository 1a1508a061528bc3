"""Batches made by other processes: a main thread that launches a GPU's operators shares Python's interpreter
with no one.

Beside a thread that makes batches it keeps 13 to 26 % of its launches, beside a process all but the moment
of taking a batch over (benchmarks/host.py). A batch is a pure function of its number, so a child needs the
`Feed` and numbers, and gives the same batches bit for bit. The memory they travel through has no name: when
both processes have ended, however they ended, nothing is left of it.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.pretrain.data.batches import Feed
from malmoi.pretrain.data.shared import get, put, size_of
from malmoi.pretrain.objectives.protocol import MicroBatch
from malmoi.training.signals import SIGNALS

B = TypeVar("B", bound=MicroBatch)

SLOTS = 3  # one being computed on, one ready, one being made
CHILD = "from malmoi.pretrain.data.feeder import serve; serve({pipe}, {memory})"


@dataclass(frozen=True)
class Filled:
    """A batch in a slot: how many bytes each slot has, and what `slots.put` gave."""

    size: int
    message: Any


@dataclass(frozen=True)
class Failed:
    """What went wrong in the child."""

    error: Exception
    trace: str


class Ended(Exception):  # noqa: N818 - `stream` decides whether it is a fault
    """The child has ended without a word; `status` as `subprocess` gives it, negative for a signal."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Feeder(Generic[B]):
    """A child process that makes the batches `numbers` of `feed`, a few ahead. `close` ends it at once.

    Raises MM0551 where the system starts no process.
    """

    def __init__(self, feed: Feed[B], numbers: range, device: torch.device) -> None:
        self.device = device
        self.taken = 0
        self._memory = _nameless_memory()
        self._slots: torch.Tensor | None = None
        work = _pickled((feed, numbers))
        self._pipe, theirs = Pipe()
        code = CHILD.format(pipe=theirs.fileno(), memory=self._memory)
        # What asks the run to end is the parent's business: blocked here, it stays so in the child.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                pass_fds=(theirs.fileno(), self._memory),
                stdin=subprocess.DEVNULL,
                env=os.environ | ALONE | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
            )
        except OSError as error:
            os.close(self._memory)
            raise MalmoiError(Code.FEEDER_NEVER_STARTED, status=error.strerror) from None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        with contextlib.suppress(ConnectionError):  # `take` tells of a child that has ended
            self._pipe.send_bytes(work)

    def take(self) -> list[B]:
        """The next batch, on `device`. On a CPU it lies in shared memory and is good until the next call.

        Raises what the child raised, or Ended.
        """
        try:
            if self.taken:
                self._pipe.send_bytes(b"")  # the slot of the batch before is free
            found = self._pipe.recv()
        except (EOFError, ConnectionError):
            raise Ended(self.process.wait()) from None
        if isinstance(found, Failed):
            found.error.add_note(found.trace)
            raise found.error
        if self._slots is None:
            shared = mmap.mmap(self._memory, SLOTS * found.size)
            self._slots = torch.frombuffer(shared, dtype=torch.uint8).view(SLOTS, found.size)
        slot_U = self._slots[self.taken % SLOTS]
        self.taken += 1
        batch: list[B] = get(found.message, slot_U, device=self.device)
        return batch

    def close(self) -> None:
        """End the child at once; nothing happens the second time."""
        if self._pipe.closed:
            return
        self.process.kill()  # nothing in it is worth keeping
        self.process.wait()
        self._pipe.close()
        os.close(self._memory)


def processes() -> int:
    """How many children make batches: one gives 6 M tokens a second, 2 M where texts are paired, and a small
    ELECTRA on a large GPU reads 2.5 M."""
    return 2 if (os.cpu_count() or 1) >= 4 else 1


def stream(
    feed: Feed[B],
    first: int,
    last: int,
    device: torch.device,
    *,
    warn: Callable[..., None],
    processes: int = 1,
) -> Generator[list[B]]:
    """Global batches `first` … `last - 1` on `device`, made by `processes` children in turns.

    A child that is killed is replaced, and MM0550 told by `warn(code, **values)`. Raises MM0551 where it had
    not made one batch yet, and what a child raises.
    """
    feeders: list[Feeder[B]] = []
    try:
        starts = range(first, min(first + processes, last))
        feeders.extend(Feeder(feed, range(start, last, processes), device) for start in starts)
        for k in range(first, last):
            i = (k - first) % processes
            batch: list[B] | None = None
            while batch is None:
                try:
                    batch = feeders[i].take()
                except Ended as end:
                    if not feeders[i].taken:
                        raise MalmoiError(Code.FEEDER_NEVER_STARTED, status=end.status) from None
                    warn(Code.FEEDER_DIED, status=end.status)
                    feeders[i].close()
                    feeders[i] = Feeder(feed, range(k, last, processes), device)
            yield batch
    finally:
        for feeder in feeders:
            feeder.close()


# The child.

# It computes with numpy alone, on one thread, and must never take memory of a GPU.
ALONE = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def serve(pipe: int, memory: int) -> None:
    """Make batches until all are made or nobody listens any more."""
    with Connection(pipe) as parent:
        try:
            try:
                feed, numbers = pickle.loads(parent.recv_bytes())
                for message in _fill(feed, numbers, memory, parent):
                    parent.send(message)
            except (EOFError, ConnectionError):
                raise
            except Exception as error:
                parent.send(Failed(_portable(error), traceback.format_exc()))
            while True:  # stay until the parent hangs up: who ends before is dead
                parent.recv_bytes()
        except (EOFError, ConnectionError):
            return


def _fill(feed: Feed[Any], numbers: range, memory: int, parent: Connection) -> Iterator[Filled]:
    slots = np.empty((SLOTS, 0), np.uint8)
    for turn, k in enumerate(numbers):
        batch = feed.batch(k)
        if turn == 0:  # shapes never change, so the first batch tells how large a slot is
            os.ftruncate(memory, SLOTS * size_of(batch))
            slots = np.frombuffer(mmap.mmap(memory, 0), np.uint8).reshape(SLOTS, -1)
        if turn >= SLOTS:
            parent.recv_bytes()  # a slot is free again
        yield Filled(slots.shape[1], put(batch, slots[turn % SLOTS]))


def _portable(error: Exception) -> Exception:
    """The error itself where pickle can carry it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _nameless_memory() -> int:
    """A descriptor of memory without a name, which the last process that holds it takes with it."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("malmoi-batches")
    with tempfile.TemporaryFile() as file:  # macOS
        return os.dup(file.fileno())


class _Pickler(pickle.Pickler):
    """Mapped files travel as their names and are mapped anew: a corpus is not sent through a pipe."""

    def reducer_override(self, item: Any) -> Any:
        if isinstance(item, np.memmap) and isinstance(item.base, mmap.mmap) and item.filename:
            return np.memmap, (item.filename, item.dtype, "r", item.offset, item.shape)
        return NotImplemented


def _pickled(item: Any) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(item)
    return stream.getvalue()
