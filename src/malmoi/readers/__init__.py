"""Files as people have them: bytes of any encoding in, rows out. A new format is a file of its own and an
entry of `READERS`."""

from malmoi.readers.delimited import CSV, TSV
from malmoi.readers.json_lines import JSONL
from malmoi.readers.protocol import Fault, Pairs, Reader, Row

__all__ = ["READERS", "Fault", "Pairs", "Reader", "Row"]

READERS: dict[str, Reader] = {"jsonl": JSONL, "csv": CSV, "tsv": TSV}
