"""What reading the rows of one file met: rows that cannot be read, headers in the middle, short rows."""

from __future__ import annotations

from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.messages import text

LISTED = 1000  # of each kind, with their lines; the rest is only counted
COUNTS = ("rows_skipped", "lines_skipped", "headers_again", "short_rows")


class RowBook:
    """Writes into `record`, the audit's entry of the file: the four COUNTS, `bad_rows` as [line, reason] and
    `lines_of`, the lines of the other two."""

    def __init__(self, path: str, record: dict[str, Any], *, skip: bool) -> None:
        self.path, self.record, self.skip = path, record, skip
        record.update(dict.fromkeys(COUNTS, 0))
        record.update(bad_rows=[], lines_of={"headers_again": [], "short_rows": []})

    def bad(self, line: int, reason: str, *, lines: int = 1, **values: Any) -> None:
        """The `Fault` of readers. Raises MM0108, unless bad rows are skipped."""
        self.record["rows_skipped"] += 1
        self.record["lines_skipped"] += lines
        if self.skip and len(self.record["bad_rows"]) >= LISTED:
            return  # words for a million of them would take longer than reading them
        detail = text(f"readers.row.{reason}", **values)
        if not self.skip:
            raise MalmoiError(Code.ROW_UNREADABLE, f"{self.path}:{line}", detail=detail)
        self.record["bad_rows"].append([line, detail])

    def note(self, kind: str, line: int) -> None:
        """A row of no fault that the user should hear of: `headers_again` or `short_rows`."""
        self.record[kind] += 1
        if len(self.record["lines_of"][kind]) < LISTED:
            self.record["lines_of"][kind].append(line)
