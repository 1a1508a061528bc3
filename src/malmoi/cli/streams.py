"""Where stdout and stderr lead. Their reader may leave (`| head -1`), their disk may be full, their encoding
may lack a letter: the work goes on all the same, and what stdout lost is told at the end."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from malmoi.codes import Code
from malmoi.errors import MalmoiError


class Outlet(io.FileIO):
    """A descriptor that takes all that is written and passes on what it can. After the first loss nothing
    more is passed on, so that what arrived is the beginning and has no hole.

    Args:
        descriptor: 1 or 2; stays open.
        ends: raise BrokenPipeError at the first loss, where there is no other work than writing.
    """

    def __init__(self, descriptor: int, *, ends: bool = False) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.ends = ends
        self.lost = False
        self.fault: OSError | None = None
        """Why it was lost; None where the reader has left, who has seen enough."""

    def write(self, data: Any, /) -> int:
        if not self.lost:
            try:
                return super().write(data)
            except OSError as error:
                self.lost = True
                self.fault = None if isinstance(error, BrokenPipeError) else error
                if self.ends:
                    raise BrokenPipeError from error
        return len(data)

    def check(self) -> None:
        """Raises MM0807 where something was lost that its reader waits for."""
        if self.fault is not None:
            raise MalmoiError(Code.OUTPUT_LOST, detail=self.fault.strerror)


def take_streams() -> Outlet:
    """Put outlets under `sys.stdout` and `sys.stderr`; returns stdout's. A letter that stdout's encoding
    lacks is shown as `?`."""
    out = Outlet(_descriptor(sys.stdout, 1))
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.stdout = _text(out, sys.stdout, "replace")
    sys.stderr = _text(Outlet(_descriptor(sys.stderr, 2)), sys.stderr, "backslashreplace")
    return out


def _descriptor(stream: TextIO | None, usual: int) -> int:
    """Python has no stream where the shell closed it (`>&-`)."""
    return usual if stream is not None else os.open(os.devnull, os.O_WRONLY)


def _text(outlet: Outlet, stream: TextIO | None, errors: str) -> TextIO:
    encoding, lines = ("utf-8", False) if stream is None else (stream.encoding, outlet.isatty())
    lines = lines or errors == "backslashreplace"
    return io.TextIOWrapper(io.BufferedWriter(outlet), encoding, errors, line_buffering=lines)


@contextmanager
def utf8_stdout() -> Iterator[TextIO]:
    """Stdout for a table that another program reads: UTF-8, whatever the terminal speaks. Ends quietly when
    the reader leaves. Raises MM0807 (a full disk)."""
    if sys.stdout.isatty():
        yield sys.stdout
        return
    sys.stdout.flush()
    outlet = Outlet(sys.stdout.fileno(), ends=True)
    try:
        with io.TextIOWrapper(io.BufferedWriter(outlet), "utf-8", newline="", write_through=True) as stream:
            yield stream
    except BrokenPipeError:
        outlet.check()
