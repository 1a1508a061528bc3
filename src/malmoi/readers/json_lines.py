"""JSON lines: an object a line. A line can fail in more ways than by being no JSON, and each is a bad row: an
integer of more digits than Python reads, nesting deeper than it follows, a list."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from malmoi.codes import Code
from malmoi.readers.json_stream import stream_rows
from malmoi.readers.lines import numbered_lines
from malmoi.readers.protocol import BadRowError, Fault, Pairs, Reader, Row

_LIST = re.compile(r'\[\s*\{\s*["}]')


def json_rows(blocks: Iterable[str], fault: Fault) -> Iterator[Row]:
    for number, line in numbered_lines(blocks, fault):
        if not line.strip():
            continue
        try:
            pairs = parse_object(line)
        except BadRowError as error:
            fault(number, error.reason, **error.values)
        else:
            yield number, pairs


def parse_object(line: str) -> Pairs:
    """The JSON object that a line holds. Raises BadRowError for everything else."""
    try:
        value = json.loads(line.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise BadRowError("json", detail=f"{error.msg} ({error.colno})") from None
    except RecursionError:
        raise BadRowError("json_deep") from None
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        raise BadRowError("json_number") from None
    if isinstance(value, dict):
        if any(line.count(f'"{key}"') > 1 for key in value):  # a look is cheap, the hook costs as much again
            return Pairs(json.loads(line.lstrip("\ufeff"), object_pairs_hook=Pairs))
        return Pairs(value.items())
    if isinstance(value, list):
        raise BadRowError("json_list")
    raise BadRowError("json_object", kind=type(value).__name__)


def starts_as_objects(start: str, column: str | None) -> bool:
    """Whether a text starts with an object on a line of its own, or with a list of them."""
    text = start.lstrip("\ufeff \t\n")
    if _LIST.match(text):
        return True
    try:
        return text.startswith("{") and bool(parse_object(text.split("\n", 1)[0]))
    except BadRowError:
        return False


JSONL = Reader(
    (".jsonl", ".ndjson", ".json"),
    json_rows,
    stream_rows,
    starts=starts_as_objects,
    error=Code.JSON_CUT_SHORT,
)
