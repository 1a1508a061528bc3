"""`malmoi run RECIPE`: walk the road from raw text to answers, skipping what is done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.cli.console import console, duration
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.cli.recipe import Recipe
    from malmoi.finetune.config import FinetuneConfig
    from malmoi.pretrain.config import RunConfig

REPORT = "report.html"


def register(app: typer.Typer) -> None:
    app.command("run", help=text("cli.run.help"))(run)


def run(
    recipe: Annotated[Path, typer.Argument(help=text("cli.run.recipe"), show_default=False)],
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    workers: Annotated[int, typer.Option("--workers", help=text("cli.workers"))] = 0,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.cli.recipe import Recipe, runs_of, tasks_of
    from malmoi.config import read_recipe
    from malmoi.report.write import write_report

    begun = time.monotonic()
    config, origins = read_recipe(recipe, Recipe, sets or [])
    runs, tasks = runs_of(config, origins), tasks_of(config, origins)
    out = Path(config.out)
    _build(config, runs, out, origins, workers, verify)
    if tasks:
        _compare(config, list(runs), tasks, out, origins, verify)
    write_report(out, out / REPORT)
    console().reporter.say("cli.run.report", path=out / REPORT)
    console().reporter.say("cli.run.done", out=out, time=duration(time.monotonic() - begun))


def _build(
    config: Recipe,
    runs: dict[str, RunConfig],
    out: Path,
    origins: dict[str, str],
    workers: int,
    verify: bool,
) -> None:
    """corpus → tokenizer → shards → pretrain."""
    from malmoi.cli.corpus import show_corpus
    from malmoi.cli.pretrain import show_run
    from malmoi.cli.tokenizer import show_tokenizer
    from malmoi.corpus.build import build_corpus
    from malmoi.pretrain.run import pretrain
    from malmoi.shards.build import build_shards
    from malmoi.tokenizer.analyzers import check_library
    from malmoi.tokenizer.train import WITH_ANALYZER, train_tokenizer

    reporter = console().reporter
    if config.tokenizer.kind in WITH_ANALYZER and not (out / "tokenizer").exists():
        check_library(config.tokenizer.analyzer)
    reporter.say("cli.run.stage", number=1, stage=text("cli.run.corpus"))
    build_corpus(
        config.corpus, out / "corpus", workers=workers, reporter=reporter, origins=origins, verify=verify
    )
    show_corpus(out / "corpus")
    reporter.say("cli.run.stage", number=2, stage=text("cli.run.tokenizer"))
    manifest = train_tokenizer(
        config.tokenizer,
        out / "corpus",
        out / "tokenizer",
        reporter=reporter,
        origins=origins,
        verify=verify,
    )
    show_tokenizer(out / "tokenizer", manifest.counts)
    reporter.say("cli.run.stage", number=3, stage=text("cli.run.shards"))
    build_shards(
        config.shards,
        out / "corpus",
        out / "tokenizer",
        out / "shards",
        workers=workers,
        reporter=reporter,
        origins=origins,
        verify=verify,
    )
    reporter.say("cli.run.stage", number=4, stage=text("cli.run.pretrain"))
    for folder, run in runs.items():
        manifest = pretrain(
            run.pretrain,
            run.model,
            out / "shards",
            out / folder,
            reporter=reporter,
            origins=origins,
            verify=verify,
        )
        show_run(out / folder, manifest.counts)


def _compare(
    config: Recipe,
    runs: list[str],
    tasks: list[FinetuneConfig],
    out: Path,
    origins: dict[str, str],
    verify: bool,
) -> None:
    """Fine-tune every row of the league, print the table, answer the recipe's sentences."""
    from malmoi.cli.league import show_curve, show_league
    from malmoi.cli.predict import show_answers
    from malmoi.finetune.predictor import Predictor
    from malmoi.league.curve import read_curve
    from malmoi.league.run import league
    from malmoi.tasks.data import task_of

    reporter = console().reporter
    reporter.say("cli.run.stage", number=5, stage=text("cli.run.league"))
    checkpoints = {name_of(folder): out / folder for folder in runs}
    lines = league(
        config.league,
        tasks,
        checkpoints,
        out / "league",
        reporter=reporter,
        origins=origins,
        verify=verify,
    )
    show_league(lines)
    if config.league.curve:
        show_curve(read_curve(out / "league"))
    first = next(iter(checkpoints))
    # "table" is no name: a user's own task is called by its file
    alone = next((task for task in tasks if len(task_of(task).text) == 1), tasks[0])
    cell = out / "league" / "cells" / first / task_of(alone).name / f"seed-{alone.seed}"
    if config.ask:
        show_answers(config.ask, Predictor.open(cell).predict(config.ask))
    console().result({"out": str(out), "table": [line.as_dict() for line in lines]})
    reporter.say("cli.run.next", cell=cell)


def name_of(folder: str) -> str:
    """The league's name of a run: `pretrain/electra` is electra, a lone `pretrain` is pretrained."""
    return folder.partition("/")[2] or "pretrained"
