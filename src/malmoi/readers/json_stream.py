"""JSON with an object for each row, one a line or in a list, read in a stream, an object at a time.

Numbers keep the file's spelling, so that a label 1.0 stays what it is and an integer of any length is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from malmoi.readers.protocol import BadRowError, Fault, Pairs, Row

LINE_LIMIT = 10_000_000  # characters of one object
WORD = 16  # characters; the longest that JSON reads at once are `\ud83d\ude00` and `-Infinity`
_SPACE = re.compile(r"[\s\ufeff]*")
_DECODER = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=str, parse_float=str, parse_constant=str)


def stream_rows(text: Iterable[str], fault: Fault, quoted: bool | None = None) -> Iterator[Row]:
    """The values of a list, or one after the other; also those that are not objects. It ends at a fault."""
    scan = _Scan(text)
    listed = depth = 0
    while mark := scan.next_mark():
        if mark == "[" and not depth:
            depth = listed = 1
        elif mark == "]" and depth:
            depth = 0
        elif mark != "," or not listed:
            line = scan.line
            try:
                value = scan.value()
            except BadRowError as error:
                fault(scan.line, error.reason, **error.values)
                return
            yield line, value
            continue
        scan.at += 1
    if depth:
        fault(scan.line, "said", detail="[")


class _Scan:
    """A place in the text that moves on by values; at most LINE_LIMIT characters and a block are held."""

    def __init__(self, text: Iterable[str]) -> None:
        self._blocks = iter(text)
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
        """The next character that is not white space; "" at the end."""
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
        """Raises BadRowError, at the line of the fault."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._held, self.at)
            except RecursionError:
                raise BadRowError("json_deep") from None
            except json.JSONDecodeError as error:
                may_go_on = self._is_cut(error)
                if may_go_on and len(self._held) - self.at > LINE_LIMIT:
                    raise BadRowError("line_limit", limit=LINE_LIMIT) from None
                if not may_go_on or not self._more():
                    self._move(error.pos)
                    raise BadRowError("said", detail=error.msg) from None
            else:
                self._move(end)
                return value
