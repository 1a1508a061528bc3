"""The one way JSON files are read and written: bytes in, values out, and what is wrong in a few words.

A file may have been torn, made by another version, or come from a stranger: size and nesting are bounded, and
every fault is a `JsonError` whose text says the reason.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from malmoi.codes import Code
from malmoi.errors import MalmoiError

MOST = 1 << 30
"""Bytes of a file. The largest of ours is a manifest: 140,000 parts of shards are 150 MB."""
DEEPEST = 100
"""Lists and tables inside each other. Ours have 8."""
_LONE = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """Why a file is no JSON that can be used."""


def read_json(path: Path, *, most: int = MOST) -> Any:
    """The value in a file. Raises JsonError, and OSError as `open` does (FileNotFoundError: none there)."""
    with path.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise JsonError(f"> {most / 1e6:,.0f} MB")
    return parse_json(data)


def parse_json(data: bytes) -> Any:
    """The value that bytes of UTF-8 stand for, with a BOM or without. Raises JsonError."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise JsonError("UTF-16")
    if b"\0" in data:
        raise JsonError("NUL")
    try:
        value = json.loads(data.removeprefix(codecs.BOM_UTF8).decode())
    except UnicodeDecodeError as error:
        raise JsonError(f"≠ UTF-8 (byte {error.start + 1:,})") from None
    except RecursionError:
        raise JsonError(f"nesting > {DEEPEST}") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"≠ JSON (line {error.lineno}, column {error.colno}: {error.msg})") from None
    except ValueError as error:  # an integer of thousands of digits
        raise JsonError(str(error).splitlines()[0][:80]) from None
    if data.count(b"[") + data.count(b"{") > DEEPEST and _too_deep(value):
        raise JsonError(f"nesting > {DEEPEST}")
    return value


def _too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        if not level:
            break
        inside = (part for outer in level for part in (outer.values() if isinstance(outer, dict) else outer))
        level = [part for part in inside if isinstance(part, dict | list)]
    return bool(level)


def read_object(path: Path, *, absent: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON object in a file of ours; `absent`, if given, where there is none.

    Raises MM0031 where it is missing, damaged or something else.
    """
    try:
        value = read_json(path)
    except FileNotFoundError as error:
        if absent is not None:
            return absent
        raise MalmoiError(Code.JSON_UNREADABLE, path, detail=error.strerror) from None
    except (JsonError, OSError) as error:
        raise MalmoiError(Code.JSON_UNREADABLE, path, detail=reason(error)) from None
    if not isinstance(value, dict):
        raise MalmoiError(Code.JSON_UNREADABLE, path, detail=f"{kind_of(value)} ≠ {kind_of({})}")
    return value


@contextmanager
def expected_shape(path: Path) -> Iterator[None]:
    """Around taking values out of what a JSON file of ours held: one that is missing or of another type is
    MM0031, with the file's name. For a few lines that do nothing else."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MalmoiError(Code.JSON_UNREADABLE, path, detail=reason(error)) from error


def reason(error: Exception) -> str:
    """In a few words what was wrong with a value: the field and what was expected."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return ": ".join(part for part in (".".join(map(str, first["loc"])), first["msg"]) if part)
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} ∄"
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def kind_of(value: Any) -> str:
    """JSON's name for a value's type."""
    names: dict[type, str] = {dict: "object", list: "array", str: "string", bool: "boolean"}
    return "null" if value is None else names.get(type(value), "number")


def to_json(value: Any, *, indent: int | None = None, **options: Any) -> str:
    """JSON as people read it, Hangul as it is. What is no UTF-8 (`paths`, half of a surrogate pair) is
    escaped and comes back the same."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, **options)
    return text if text.isascii() else _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
