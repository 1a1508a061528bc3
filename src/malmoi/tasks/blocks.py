"""The text of a labelled file, read strictly: whatever is wrong with it stops with the place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.messages import text
from malmoi.readers import Fault
from malmoi.readers.decode import Decoded
from malmoi.readers.inflate import MAGIC


class Blocks:
    """The blocks of a file, from its beginning as often as they are asked for.

    Raises MM0608 with the reason where they cannot be read (no file, binary, unknown encoding, a damaged
    archive), MM0645 where Korean was encoded twice.
    """

    def __init__(self, decoded: Decoded) -> None:
        self.decoded = decoded

    def __iter__(self) -> Iterator[str]:
        path = self.decoded.path
        try:
            yield from self.decoded
        except MalmoiError as error:
            if error.code == Code.ENCODED_TWICE:
                plain = path.with_suffix("") if path.suffix[1:].lower() in MAGIC else path
                whole = plain.with_stem(f"{plain.stem}-whole")
                raise MalmoiError(
                    Code.TASK_ENCODED_TWICE, path, **error.values, file=path, whole=whole
                ) from None
            raise MalmoiError(Code.TASK_FILE_UNREADABLE, path, detail=error.what) from None
        except OSError as error:
            raise MalmoiError(Code.TASK_FILE_UNREADABLE, path, detail=error.strerror) from None


def stop(path: Path, code: str = Code.TASK_FILE_UNREADABLE) -> Fault:
    """The first fault in a row of `path` is the error `code`, one of the whole file MM0608."""

    def fault(line: int, reason: str, *, lines: int = 1, **values: Any) -> None:
        where = f"{path}:{line}" if line else path
        raise MalmoiError(
            code if line else Code.TASK_FILE_UNREADABLE, where, detail=text(f"readers.row.{reason}", **values)
        )

    return fault
