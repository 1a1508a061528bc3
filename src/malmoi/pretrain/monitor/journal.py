"""`metrics.jsonl`: one line per logged step, in order, each step once, also after any number of kills.

What depends on the machine and the hour stands in `clock`; all the rest is the same bit for bit whenever
the run is repeated or resumed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from malmoi.artifact.disk import write_bytes
from malmoi.json_files import JsonError, parse_json, to_json

METRICS = "metrics.jsonl"


def read_journal(run: Path) -> list[dict[str, Any]]:
    """The whole lines of a run's journal, without what a kill, a power loss or a bad disk left torn."""
    try:
        lines = (run / METRICS).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    entries: list[dict[str, Any]] = []
    for line in lines:
        with suppress(JsonError):
            entry = parse_json(line)
            if isinstance(entry, dict) and isinstance(entry.get("step"), int):
                entries.append(entry)
    return entries


class Journal:
    """Open for appending, after dropping what was written beyond `step` (that will be written again)."""

    def __init__(self, run: Path, step: int) -> None:
        self.kept = [line for line in read_journal(run) if line["step"] <= step]
        write_bytes(run / METRICS, "".join(_line(entry) for entry in self.kept).encode())
        self._file: TextIO = (run / METRICS).open("a", encoding="utf-8")

    def write(self, **entry: Any) -> None:
        self._file.write(_line(entry))
        self._file.flush()

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _line(entry: dict[str, Any]) -> str:
    return to_json(entry) + "\n"
