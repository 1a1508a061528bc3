"""A file (or a pipe) of texts in, a tsv of answers out, a line for every row and in its order, streamed."""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedReader
from itertools import tee
from pathlib import Path
from typing import TextIO, cast

from malmoi.artifact.disk import disk_errors, whole_file
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.finetune.tally import Tally
from malmoi.messages import text as sentence
from malmoi.predict.predictor import Predictor
from malmoi.progress import SILENT, Reporter
from malmoi.readers.choose import PLAIN_SUFFIX, suffix_of
from malmoi.readers.decode import Decoded
from malmoi.readers.inflate import BLOCK
from malmoi.readers.lines import LINE_LIMIT, Line, numbered_lines
from malmoi.tasks.blocks import Blocks, stop
from malmoi.tasks.examples import Text, text_of
from malmoi.tasks.table import by_position, open_table

STDIN = Path("-")
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What to answer: (line, text) of each row, how many rows if that is known, names of the text columns."""

    where: str
    names: list[str]
    count: int | None
    rows: Iterator[tuple[int, Text]]


def answer_file(
    predictor: Predictor, file: Path, out: Path, *, columns: Sequence[str] = (), reporter: Reporter = SILENT
) -> int:
    """Write `line`, the answer and the text(s) for each row of `file`; returns how many.

    Which columns an answer has its kind says. Line ends inside a text are written as \\n, a backslash as
    \\\\. `out` appears when it is whole.
    Raises those of `asked`, and MM0015.
    """
    with asked(predictor, file, columns) as rows, disk_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
            written = write_answers(predictor, rows, stream, reporter)
    return written


def write_answers(predictor: Predictor, asked: Asked, stream: TextIO, reporter: Reporter = SILENT) -> int:
    """Answer and write as it comes, 2,048 texts at a time; then tell what could not be read of them."""
    keep, texts = tee(asked.rows)  # both advance together, a window apart at most
    tally = Tally(predictor.max_len)
    with reporter.step("predict.answering", total=asked.count, unit="row") as step:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        kind = predictor.kind
        writer.writerow(["line", *(column.name for column in kind.columns), *map(one_line, asked.names)])
        answers = predictor.stream((text for _, text in texts), tally=tally)
        for (line, text), answer in zip(keep, answers, strict=True):
            parts = [text] if isinstance(text, str) else list(text)
            writer.writerow([line, *map(one_line, [*kind.cells(answer), *parts])])
            step.advance(1)
    tell(tally, reporter, asked.where)
    return tally.rows


def tell(tally: Tally, reporter: Reporter, where: str) -> None:
    """Say what the model could not read of the texts it answered."""
    tally.tell_blank(reporter, where)
    tally.tell_misread(reporter, where)
    tally.tell_unknown(reporter, where)
    tally.tell_full(reporter, where, sentence("predict.longer", max_len=2 * tally.max_len))


def one_line(text: str) -> str:
    """The text with its line ends as \\n and \\r and its backslashes doubled, so that it can be undone."""
    return text.translate(_ESCAPES)


@contextmanager
def asked(predictor: Predictor, file: Path, columns: Sequence[str] = ()) -> Iterator[Asked]:
    """What to answer of a file; `-` is what comes through the pipe.

    A `.txt` or a pipe without `columns` is one text a line, blank lines included, unless its first line names
    the columns the model was trained on; anything else is a table, whose text columns are `columns` or those.
    Raises those of `open_table` and `Table.places`, MM0621 (a pair where one text is wanted), MM0633.
    """
    wanted = len(predictor.columns)
    if columns and len(columns) != wanted:
        given = ", ".join(predictor.columns)
        raise MalmoiError(Code.TEXT_OR_PAIR, file, wanted=wanted, given=len(columns), columns=given)
    lines = not columns and wanted == 1
    if file != STDIN:
        lines = lines and suffix_of(file) == PLAIN_SUFFIX and not _names(file, predictor.columns)
        yield _lines(Decoded(file)) if lines else _table(file, columns or predictor.columns)
    elif lines:
        yield _lines(Piped(STDIN))
    else:
        with tempfile.TemporaryDirectory() as folder:  # a table is read twice, a pipe once
            kept = Path(folder) / "stdin"
            with kept.open("wb") as stream:
                shutil.copyfileobj(sys.stdin.buffer, stream)
            try:
                yield replace(_table(kept, columns or predictor.columns), where=str(STDIN))
            except MalmoiError as error:
                error.where = error.where and error.where.replace(str(kept), str(STDIN))
                raise


class Piped(Decoded):
    """What comes through the pipe, block by block as it arrives."""

    def _bytes(self) -> Iterator[bytes]:
        pipe = cast(BufferedReader, sys.stdin.buffer)
        while block := pipe.read1(BLOCK):
            yield block


def _lines(decoded: Decoded) -> Asked:
    return Asked(str(decoded.path), ["text"], None, _read_lines(decoded))


def _read_lines(decoded: Decoded) -> Iterator[Line]:
    return numbered_lines(Blocks(decoded), stop(decoded.path), LINE_LIMIT)


def _names(file: Path, columns: Sequence[str]) -> bool:
    """Whether the first line of a .txt is the header of a table that has these columns (NSMC's is)."""
    _, first = next(_read_lines(Decoded(file)), (1, ""))
    names = [unicodedata.normalize("NFC", name).strip() for name in first.split("\t")]
    return len(names) > 1 and set(columns) <= set(names)


def _table(file: Path, columns: Sequence[str]) -> Asked:
    table = open_table(file, header=not by_position(columns, file))
    places = table.places(columns)
    rows = ((line, text_of(fields, places)) for line, fields in table.rows())
    return Asked(str(file), list(columns), table.count, rows)
