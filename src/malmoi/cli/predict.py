"""`malmoi predict RUN "문장"`, `… --pair "다른 문장"`, `… --file texts.csv --text COL --out answers.tsv`.

A pipe is `--file -`; its answers go to stdout where no `--out` is given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from malmoi.cli.console import console
from malmoi.cli.streams import utf8_stdout
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.tasks.kinds import Prediction, TaskKind


def register(app: typer.Typer) -> None:
    app.command("predict", help=text("cli.predict.help"))(predict)


def predict(
    run: Annotated[Path, typer.Argument(help=text("cli.predict.run"), show_default=False)],
    texts: Annotated[
        list[str] | None, typer.Argument(help=text("cli.predict.texts"), show_default=False)
    ] = None,
    pair: Annotated[list[str] | None, typer.Option("--pair", help=text("cli.predict.pair"))] = None,
    file: Annotated[Path | None, typer.Option("--file", help=text("cli.predict.file"))] = None,
    columns: Annotated[str | None, typer.Option("--text", help=text("cli.predict.text"))] = None,
    out: Annotated[Path | None, typer.Option("--out", help=text("cli.predict.out"))] = None,
    device: Annotated[str, typer.Option("--device", help=text("cli.predict.device"))] = "auto",
) -> None:
    piped = file is not None and str(file) == "-" and console().mode != "json"
    if bool(texts) == bool(file) or (file is not None and out is None and not piped):
        raise MalmoiError(Code.NOTHING_TO_ANSWER)
    from malmoi.finetune.tally import Tally
    from malmoi.paths import as_stored
    from malmoi.predict.file import answer_file, asked, tell, write_answers
    from malmoi.predict.predictor import Predictor

    reporter = console().reporter
    predictor = Predictor.open(run, device=device, reporter=reporter)
    if file is not None:
        names = [name.strip() for name in columns.split(",")] if columns else []
        if out is not None:
            written = answer_file(predictor, as_stored(file), out, columns=names, reporter=reporter)
            console().print("predict.written", n=written, path=out)
            line = text("predict.written", n=written, path=out)
            console().result({"out": str(out), "rows": written}, line)
            return
        with asked(predictor, file, names) as rows, utf8_stdout() as stream:
            write_answers(predictor, rows, stream, reporter)
        return
    firsts, seconds = list(texts or []), list(pair or [])
    if seconds and len(seconds) != len(firsts):
        raise MalmoiError(Code.TEXT_OR_PAIR, wanted=2, given=1, columns=", ".join(predictor.columns))
    tally = Tally(predictor.max_len)
    answers = list(
        predictor.stream(list(zip(firsts, seconds, strict=True)) if seconds else firsts, tally=tally)
    )
    tell(tally, reporter, "texts")
    shown = [" | ".join(parts) for parts in zip(firsts, seconds, strict=True)] if seconds else firsts
    show((shown, answers, predictor.kind))
    console().result(
        {"answers": [{"text": t, **_plain(a, predictor.kind)} for t, a in zip(shown, answers, strict=True)]},
        "\n".join(_brief(answer, predictor.kind) for answer in answers),
    )


def _plain(answer: Prediction, kind: TaskKind) -> dict[str, Any]:
    values = {column.name: getattr(answer, column.name) for column in kind.columns}
    return values | ({"probabilities": answer.probabilities} if answer.probabilities else {})


def _brief(answer: Prediction, kind: TaskKind) -> str:
    """As a table has it, but a number with all its digits."""
    return "\t".join(
        format(getattr(answer, column.name), column.exact if column.number else column.shown)
        for column in kind.columns
    )


def show(asked: tuple[Sequence[str], Sequence[Prediction], TaskKind]) -> None:
    """One row a text: what was asked, and the answer in the kind's columns."""
    texts, answers, kind = asked
    names = [text(f"predict.column.{name}") for name in ("text", *(column.name for column in kind.columns))]
    rows = [
        (t, *(format(getattr(a, column.name), column.shown) for column in kind.columns))
        for t, a in zip(texts, answers, strict=True)
    ]
    console().table("predict.table", names, rows)
