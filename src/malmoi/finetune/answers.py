"""A file of texts in, a tsv of answers out, one for every input row and in its order, streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import tee
from pathlib import Path

from malmoi.artifact import disk_errors
from malmoi.corpus.decode import Decoded
from malmoi.disk import whole_file
from malmoi.errors import MalmoiError
from malmoi.finetune.predictor import Predictor
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.examples import Text, text_of
from malmoi.tasks.table import open_table, read_lines


def answer_file(
    predictor: Predictor, file: Path, out: Path, *, columns: Sequence[str] = (), reporter: Reporter = SILENT
) -> int:
    """Write `line`, `label`, `probability` and the text(s) for each row of `file`; returns how many.

    A regression writes `score` (nine significant digits) in place of label and probability.
    A `.txt` without `columns` is one text a line, blank lines included; anything else is a table, whose
    text columns are `columns` or those the model was trained on. `out` appears when it is whole.
    Raises MM0603, MM0604, MM0608, MM0610 (the file), MM0621 (a pair where one text is wanted), MM0015.
    """
    wanted = len(predictor.columns)
    if columns and len(columns) != wanted:
        raise MalmoiError(
            "MM0621", file, wanted=wanted, given=len(columns), columns=", ".join(predictor.columns)
        )
    names, count, numbered = _source(file, columns, predictor)
    keep, texts = tee(numbered)  # both advance together, a window apart at most
    with disk_errors(out), reporter.step("predict.answering", total=count, unit="row") as step:
        out.parent.mkdir(parents=True, exist_ok=True)
        written = 0
        with whole_file(out) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
            columns_of = {"classify": ("label", "probability"), "regress": ("score",)}
            writer.writerow(["line", *columns_of[predictor.kind], *names])
            answers = predictor.stream(text for _, text in texts)
            for (line, text), answer in zip(keep, answers, strict=True):
                parts = [text] if isinstance(text, str) else list(text)
                found = (
                    [f"{answer.score:.9g}"]
                    if answer.score is not None
                    else [answer.label, f"{answer.probability:.6f}"]
                )
                writer.writerow([line, *found, *parts])
                written += 1
                step.advance(1)
    return written


def _source(
    file: Path, columns: Sequence[str], predictor: Predictor
) -> tuple[list[str], int | None, Iterator[tuple[int, Text]]]:
    if file.suffix.lower() == ".txt" and not columns and len(predictor.columns) == 1:
        lines = ((n, line.removesuffix("\n")) for n, line in enumerate(read_lines(Decoded(file)), 1))
        return ["text"], None, lines
    table = open_table(file)
    names = list(columns or predictor.columns)
    places = [table.column(name) for name in names]
    return names, table.count, ((line, text_of(fields, places)) for line, fields in table.rows())
