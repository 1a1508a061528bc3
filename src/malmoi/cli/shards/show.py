"""`malmoi shards show SHARDS ROW`: a row of pretraining as text, and what its masks hide."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from malmoi.cli.console import console
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.report.row import Row, Segment
    from malmoi.report.source import BatchSource

STYLES = {"masked": "bold yellow", "random": "bold red", "kept": "bold green", "": ""}


def show(
    shards: Annotated[Path, typer.Argument(help=text("cli.shards.verify.folder"), show_default=False)],
    row: Annotated[int, typer.Argument(min=0, help=text("cli.shards.show.row"), show_default=False)],
    row_len: Annotated[int | None, typer.Option("--row-len", help=text("cli.shards.show.row_len"))] = None,
    objective: Annotated[
        str | None, typer.Option("--objective", help=text("cli.shards.show.objective"))
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help=text("cli.shards.show.seed"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    run: Annotated[Path | None, typer.Option("--run", help=text("cli.shards.show.run"))] = None,
    step: Annotated[int | None, typer.Option("--step", min=1, help=text("cli.shards.show.step"))] = None,
) -> None:
    from malmoi.report.row import make_row

    chosen = {"row_len": row_len, "objective": objective, "seed": seed}
    given = {name: value for name, value in chosen.items() if value is not None}
    if (run is not None and (given or sets)) or (run is None and step is not None):
        named = [*given, *(["set"] if sets else [])]
        options = " ".join(f"--{name.replace('_', '-')}" for name in named) if run else "--step"
        other = "--run" if run else text("cli.shards.show.no_run")
        raise MalmoiError(Code.OPTIONS_CLASH, options=options, other=other, shards=shards, row=row)
    source = _source_of_run(shards, run, row) if run is not None else _source(shards, given, sets or [])
    number = row
    if step is not None:
        rows = source.feed.batch_size
        if row >= rows:
            raise MalmoiError(
                Code.NO_SUCH_ROW, rows=rows, row=row, last=rows - 1, shards=shards, run=run, step=step
            )
        number = (step - 1) * rows + row
    _print(make_row(source, number))


def _source(shards: Path, given: dict[str, int | str], sets: list[str]) -> BatchSource:
    """The recipe's defaults, but for what was given. Raises MM0003 and MM0004."""
    from malmoi.config import Section
    from malmoi.model.sizes import ModelConfig
    from malmoi.pipeline.recipe import read_sections
    from malmoi.pretrain.config import PretrainConfig, RunConfig
    from malmoi.report.source import make_source
    from malmoi.shards.format import Shards

    class Sections(Section):
        pretrain: PretrainConfig = PretrainConfig()

    overrides = [f"pretrain.{name}={value}" for name, value in given.items()]
    config, _ = read_sections(Sections, None, [*overrides, *sets])
    return make_source(RunConfig(pretrain=config.pretrain, model=ModelConfig()), Shards.open(shards))


def _source_of_run(shards: Path, run: Path, row: int) -> BatchSource:
    """Raises MM0314 where the run read other shards."""
    from malmoi.paths import as_stored
    from malmoi.report.folder import read_run
    from malmoi.report.source import open_source
    from malmoi.shards.format import Shards

    found = read_run(as_stored(run), run.name)
    source = open_source(found, Shards.open(shards))
    if isinstance(source, str):
        recorded = found.counts.shards
        raise MalmoiError(Code.RUN_READ_OTHER_SHARDS, shards, recorded=recorded, row=row, run=run)
    return source


def _print(row: Row) -> None:
    fates = row.fates()
    about = {"row": row.number, "place": row.place, "row_len": row.row_len}
    segments = [asdict(segment) for segment in row.segments]
    head = text(
        "cli.shards.show.head",
        **about | {"row": f"{row.number:,}"},
        tokens=len(row.tokens),
        predicted=sum(fates.values()),
        **fates,
    )
    console().result({**about, "tokens": len(row.tokens), **fates, "segments": segments}, head)
    console().show(head)
    for segment in row.segments:
        console().show(line(segment))
    console().show(text("cli.shards.show.legend"), style="dim")


def line(segment: Segment) -> Text:
    """`1A [CLS] |할머니 ##는 |[MASK]←콩 …`: `|` starts an eojeol, `+` a morpheme inside one."""
    shown = Text(f"{segment.sequence + 1}{'AB'[segment.segment]}")
    shown.stylize("bold cyan")
    for token in segment.tokens:
        shown.append(" ")
        shown.append("|" if token.starts_word else "+" if token.starts_morpheme else "", style="dim")
        was = {"": "", "kept": "=", "masked": f"←{token.original}", "random": f"←{token.original}"}
        shown.append(token.text + was[token.fate], style=STYLES[token.fate])
    return shown
