"""Kill this process at the n-th thing it does to a file, as SIGKILL or a power cut would.

`watch(plan)` replaces the functions through which Python changes files by ones that count, and kill at the
planned event. Use it in a forked child: nothing is ever put back.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

# kill: before the event happens. after: when it has happened. torn: half of a write reaches the file.
# power: killed before the event, and of what no fsync had asked for, only half is found afterwards.
Kind = Literal["kill", "after", "torn", "power"]

CALLS = ("fsync", "fdatasync", "rename", "replace", "unlink", "remove", "mkdir", "rmdir", "truncate", "link")
_REAL = {name: getattr(os, name) for name in (*CALLS, "ftruncate", "sendfile")}
_OPEN = io.open


@dataclass
class Plan:
    """At which event (1-based; None: only count) to die, and how. `events` is what has happened so far."""

    at: int | None = None
    kind: Kind = "kill"
    below: Path = Path("/")
    events: list[str] = field(default_factory=list)
    unsynced: dict[int, tuple[int, int]] = field(default_factory=dict)
    """inode → (a descriptor of ours, bytes that are safe)."""

    def event(self, name: str, act: Callable[[], Any], torn: Callable[[], Any] | None = None) -> Any:
        """Count an event and do it, or die of it. Only writes can be torn; for the rest torn is kill."""
        self.events.append(name)
        if len(self.events) != self.at:
            return act()
        if self.kind == "after":
            with contextlib.suppress(OSError):  # mkdir of what is there already is an event, too
                act()
        if self.kind == "torn" and torn is not None:
            torn()
        if self.kind == "power":
            for descriptor, safe in self.unsynced.values():
                now = os.fstat(descriptor).st_size
                _REAL["ftruncate"](descriptor, safe + (now - safe) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    def written(self, descriptor: int) -> None:
        """Remember that bytes of this file are not safe yet; by descriptor, for its name may change."""
        found = os.fstat(descriptor)
        if found.st_ino not in self.unsynced:
            self.unsynced[found.st_ino] = (os.dup(descriptor), 0)

    def synced(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        if found.st_ino in self.unsynced:
            self.unsynced[found.st_ino] = (self.unsynced[found.st_ino][0], found.st_size)


def watch(plan: Plan) -> None:
    """From now on every change of a file below `plan.below` is an event."""

    class Watched(io.FileIO):
        def write(self, data: Any, /) -> int:
            view = memoryview(data).cast("B")
            half = view[: len(view) // 2]
            written: int = plan.event(
                "write", lambda: io.FileIO.write(self, view), lambda: io.FileIO.write(self, half)
            )
            plan.written(self.fileno())
            return written

        def truncate(self, size: int | None = None, /) -> int:
            kept: int = plan.event("truncate", lambda: io.FileIO.truncate(self, size))
            return kept

        def close(self) -> None:
            if not self.closed:
                plan.event("close", lambda: io.FileIO.close(self))

    def ours(path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and plan.below in Path(path).absolute().parents

    def opened(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        if not set(mode) & set("wax+") or not ours(file):
            return _OPEN(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw_mode = mode.replace("b", "").replace("t", "")
        raw = plan.event("create", lambda: Watched(file, raw_mode, closefd, opener))
        plan.written(raw.fileno())
        if raw_mode.startswith("a"):
            plan.synced(raw.fileno())  # what was there before this process is
        buffered = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    def wrapped(name: str) -> Callable[..., Any]:
        def call(target: Any, *rest: Any, **options: Any) -> Any:
            result = plan.event(name, lambda: _REAL[name](target, *rest, **options))
            if name in ("fsync", "fdatasync"):
                plan.synced(target)
            return result

        return call

    def sendfile(out: int, source: int, offset: int | None, count: int) -> int:
        half = os.fstat(source).st_size // 2
        sent: int = plan.event(
            "write",
            lambda: _REAL["sendfile"](out, source, offset, count),
            lambda: _REAL["sendfile"](out, source, offset, half),
        )
        plan.written(out)
        return sent

    for name in CALLS:
        setattr(os, name, wrapped(name))
    os.sendfile = sendfile  # type: ignore[assignment]
    io.open = opened  # type: ignore[assignment]
    builtins.open = opened  # type: ignore[assignment]
