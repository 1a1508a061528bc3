"""JSON with a flat object for each row, one a line (jsonl) or in a list: objects in, rows by column out.

Read in a stream, an object at a time. Numbers keep the file's spelling, so that a label 1.0 stays what it is
and an integer of any length can be read. An object inside a row becomes columns with a dot (`labels.score`);
a list inside a row is a column that cannot be asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.messages import text
from malmoi.readers.decode import Decoded
from malmoi.tasks.delimited import LINE_LIMIT, read_blocks, suffix_of

SUFFIXES = (".json", ".jsonl", ".ndjson")
DEEPEST = 3  # objects inside objects whose values become columns
MOST_COLUMNS = 1000
WORD = 16  # characters; the longest that JSON reads at once are `\ud83d\ude00` and `-Infinity`
_SPACE = re.compile(r"[\s\ufeff]*")
_HALF = re.compile("[\ud800-\udfff]")


class Pairs(list[tuple[str, Any]]):
    """An object as the file has it: a dict would forget a key that stands twice."""


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=str)


@dataclass(frozen=True, slots=True)
class Row:
    """One object: the line it starts on, its cells by column (None: a list) and the keys it has twice."""

    line: int
    cells: dict[str, str | None]
    twice: frozenset[str]
    nested: bool


@dataclass(slots=True)
class Found:
    """What a whole file holds: its columns in the order they come up, and those that cannot be asked for."""

    columns: dict[str, None] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    count: int = 0


def is_objects(path: Path, start: str) -> bool:
    """Whether a file is JSON: by its name, or because it starts as objects do."""
    if suffix_of(path) in SUFFIXES:
        return True
    first = start.lstrip().split("\n", 1)[0].rstrip()
    if re.match(r"\[\s*\{", start.lstrip()):
        return True
    try:
        return first.startswith("{") and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def check_objects(decoded: Decoded) -> Found:
    """Read the whole file once.

    Raises MM0647 (not JSON, or cut short), MM0632 (JSON, but not a row in each object), MM0608 (unreadable).
    """
    found = Found()
    nested = False
    for row in read_objects(decoded):
        found.count += 1
        found.columns |= dict.fromkeys(row.cells)
        found.lists |= {name for name, cell in row.cells.items() if cell is None}
        found.twice |= row.twice
        nested = row.nested
        if len(found.columns) > MOST_COLUMNS:
            raise _no_rows(decoded.path, row.line, found.columns)
    if found.count == 1 and nested:  # KorQuAD and its like: all rows inside one object
        raise _no_rows(decoded.path, 1, found.columns)
    return found


def read_objects(decoded: Decoded) -> Iterator[Row]:
    """The objects of a list, or one after the other. Raises as `check_objects`."""
    scan = _Scan(decoded)
    listed = depth = 0
    while mark := scan.next_mark():
        if mark == "[" and not depth:
            depth = listed = 1
        elif mark == "]" and depth:
            depth = 0
        elif mark != "," or not listed:
            line = scan.line
            value = scan.value()
            if not isinstance(value, Pairs):
                raise _no_rows(decoded.path, line, [str(value)])
            cells: dict[str, str | None] = {}
            twice = set()
            for name, cell in _flat(value):
                if name in cells:
                    twice.add(name)
                cells[name] = cell
            nested = any(isinstance(inner, list) for _, inner in value)
            yield Row(line, cells, frozenset(twice), nested)
            continue
        scan.at += 1
    if depth:
        raise MalmoiError("MM0647", f"{decoded.path}:{scan.line}", detail="[")


def _flat(pairs: Pairs, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str | None]]:
    for key, value in pairs:
        name = prefix + composed(key).strip()
        if isinstance(value, Pairs) and depth < DEEPEST:
            yield from _flat(value, f"{name}.", depth + 1)
        elif isinstance(value, list):
            yield name, None
        elif isinstance(value, bool):
            yield name, str(value).lower()
        else:
            yield name, "" if value is None else _whole(value)


def _whole(text: str) -> str:
    """JSON can spell half of a surrogate pair, which is no character: U+FFFD."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Scan:
    """A place in the text that moves on by values; at most LINE_LIMIT characters and a block are held."""

    def __init__(self, decoded: Decoded) -> None:
        self._path = decoded.path
        self._blocks = read_blocks(decoded)
        self._held = ""
        self.at = 0
        self.line = 1

    def _more(self) -> bool:
        block = next(self._blocks, None)
        if block is None:
            return False
        self._held = self._held[self.at :] + block
        self.at = 0
        return True

    def _move(self, end: int) -> None:
        self.line += self._held.count("\n", self.at, end)
        self.at = end

    def next_mark(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            space = _SPACE.match(self._held, self.at)
            assert space is not None
            self._move(space.end())
            if self.at < len(self._held):
                return self._held[self.at]
            if not self._more():
                return ""

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        """Whether what is held may only lack its rest: a string without its end, or a fault in the last few
        letters (`tru`, `\\ud8`)."""
        return error.msg.startswith("Unterminated string") or len(self._held) - error.pos < WORD

    def value(self) -> Any:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._held, self.at)
            except RecursionError:
                raise MalmoiError(
                    "MM0647", f"{self._path}:{self.line}", detail=text("corpus.row.json_deep")
                ) from None
            except json.JSONDecodeError as error:
                may_go_on = self._is_cut(error)
                if may_go_on and len(self._held) - self.at > LINE_LIMIT:
                    reason = text("corpus.row.line_limit", limit=LINE_LIMIT)
                    raise MalmoiError("MM0647", f"{self._path}:{self.line}", detail=reason) from None
                if not may_go_on or not self._more():
                    line = self.line + self._held.count("\n", self.at, error.pos)
                    raise MalmoiError("MM0647", f"{self._path}:{line}", detail=error.msg) from None
            else:
                self._move(end)
                return value


def _no_rows(path: Path, line: int, keys: Any) -> MalmoiError:
    names = list(keys)
    shown = ", ".join(name[:40] for name in names[:8]) + (", …" if len(names) > 8 else "")
    return MalmoiError("MM0632", f"{path}:{line}", keys=shown)
