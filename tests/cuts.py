"""Cut work short at its n-th change of a folder, wherever in the code that is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# What Python tells audit hooks before it changes a folder; a hook that raises keeps it from happening.
CHANGES = {"os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}


class Cut(BaseException):
    """Not an Exception, as little as a kill is: no `except` on the way takes it for an error."""


@dataclass
class _Counter:
    seen: int = 0
    last: int | None = None
    on: bool = False


_counter = _Counter()


def _hook(event: str, _: tuple[object, ...]) -> None:
    if _counter.on and event in CHANGES:
        _counter.seen += 1
        if _counter.last is not None and _counter.seen >= _counter.last:
            raise Cut


sys.addaudithook(_hook)


@contextmanager
def cut_at(number: int | None) -> Iterator[_Counter]:
    """Count changes in `.seen`; from the `number`-th on each one raises `Cut` instead of happening."""
    _counter.seen, _counter.last, _counter.on = 0, number, True
    try:
        yield _counter
    finally:
        _counter.on = False
