"""On which line of a TOML file each key is set, which `tomllib` does not tell.

The source has been read by `tomllib` before, so nothing is checked here. Tables have lines too: an empty one
is a value to us.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r]+|\#[^\n]*)
    |(?P<end>\n)
    |(?P<word>\"{3}(?:\\[\s\S]|[^\\])*?\"{3,5}(?!\")   # it may end in quotes of its own
      |'{3}[\s\S]*?'{3,5}(?!')
      |"(?:\\.|[^"\\\n])*"|'[^'\n]*'
      |[^\s\#"'.,=\[\]{}]+)
    |(?P<mark>[.,=\[\]{}])""",
    re.VERBOSE,
)


def key_lines(source: str) -> dict[str, int]:
    """The line (1-based) of every dotted key and of every table's header, as they stand in `source`."""
    lines: dict[str, int] = {}
    table = ""  # the header's
    open_: list[
        str | None
    ] = []  # inline tables by their keys; arrays, inside which nothing has a key, as None
    key: list[str] = []
    place = "key"  # key, header or value
    for kind, token, line in _tokens(source):
        inside = open_[-1] if open_ else table
        if kind == "end":
            if place == "header":
                table = ".".join(key)
                lines.setdefault(table, line)
            if not open_:
                key, place = [], "key"
        elif token in "]}" and open_:
            open_.pop()
            place = "value"
        elif place == "key" and token == "[" and not open_:
            place = "header"
        elif place == "value" and token in "[{":
            open_.append(_joined(inside, key) if token == "{" else None)
            key, place = [], "key" if token == "{" else "value"
        elif token == "," and open_:
            key, place = [], "value" if inside is None else "key"
        elif place == "key" and token == "=":
            if inside is not None:
                lines.setdefault(_joined(inside, key) or "", line)
            place = "value"
        elif kind == "word" and place != "value":
            key.append(token if token[0] not in "\"'" else next(iter(tomllib.loads(f"{token} = 0"))))
    return lines


def _joined(table: str | None, key: list[str]) -> str | None:
    return None if table is None else ".".join([table, *key] if table else key)


def _tokens(source: str) -> Iterator[tuple[str, str, int]]:
    """(kind, token, line it begins on); the last one ends a line."""
    line = 1
    for found in _TOKEN.finditer(source):
        if found.lastgroup != "skip":
            yield str(found.lastgroup), found[0], line
        line += found[0].count("\n")
    yield "end", "\n", line
