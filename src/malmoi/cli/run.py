"""`malmoi run RECIPE`: walk the road from raw text to answers, skipping what is done."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.cli.console import console, duration
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.finetune.config import FinetuneConfig
    from malmoi.pipeline.recipe import Recipe, Run
    from malmoi.tokenizer.config import TokenizerConfig

REPORT = "report.html"


def register(app: typer.Typer) -> None:
    app.command("run", help=text("cli.run.help"))(run)


def run(
    recipe: Annotated[Path, typer.Argument(help=text("cli.run.recipe"), show_default=False)],
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    workers: Annotated[int, typer.Option("--workers", help=text("cli.workers"))] = 0,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.artifact.disk import real_place
    from malmoi.config import read_recipe
    from malmoi.pipeline.recipe import Recipe, check_layout, runs_of, tasks_of, tokenizers_of
    from malmoi.report.write import write_report

    begun = time.monotonic()
    config, origins = read_recipe(recipe, Recipe, sets or [])
    tokenizers = tokenizers_of(config, origins)
    runs, tasks = runs_of(config, origins), tasks_of(config, origins)
    out = real_place(Path(config.out))
    check_layout(out, tokenizers, runs)
    _build(config, tokenizers, runs, out, origins, workers, verify)
    if tasks:
        _compare(config, list(runs), tasks, out, origins, verify)
    write_report(out, out / REPORT)
    console().reporter.say("cli.run.report", path=out / REPORT)
    console().reporter.say("cli.run.done", out=out, time=duration(time.monotonic() - begun))


def _build(
    config: Recipe,
    tokenizers: dict[str, TokenizerConfig],
    runs: dict[str, Run],
    out: Path,
    origins: dict[str, str],
    workers: int,
    verify: bool,
) -> None:
    """corpus → tokenizers → shards by each → pretraining runs."""
    from malmoi.analyzers import check_library
    from malmoi.cli.corpus import show_corpus
    from malmoi.cli.pretrain import show_run
    from malmoi.cli.tokenizer import show_tokenizers
    from malmoi.corpus.build import build_corpus
    from malmoi.pretrain.run import pretrain
    from malmoi.shards.build import build_shards
    from malmoi.tokenizer.kinds import KINDS
    from malmoi.tokenizer.train import train_tokenizer

    reporter = console().reporter
    for name, tokenizer in tokenizers.items():
        if KINDS[tokenizer.kind].with_analyzer and not (out / "tokenizer" / name).exists():
            check_library(tokenizer.analyzer)  # before the corpus is built, not after
    reporter.say("cli.run.stage", number=1, stage=text("cli.run.corpus"))
    build_corpus(
        config.corpus, out / "corpus", workers=workers, reporter=reporter, origins=origins, verify=verify
    )
    show_corpus(out / "corpus")
    reporter.say("cli.run.stage", number=2, stage=text("cli.run.tokenizer"))
    counts = {}
    for number, (name, tokenizer) in enumerate(tokenizers.items(), 1):
        _say_which(name, number, len(tokenizers))
        manifest = train_tokenizer(
            tokenizer,
            out / "corpus",
            out / "tokenizer" / name,
            reporter=reporter,
            origins=origins,
            verify=verify,
        )
        counts[name] = manifest.counts
    show_tokenizers(out / "tokenizer", counts)
    reporter.say("cli.run.stage", number=3, stage=text("cli.run.shards"))
    for number, name in enumerate(tokenizers, 1):
        _say_which(name, number, len(tokenizers))
        build_shards(
            config.shards,
            out / "corpus",
            out / "tokenizer" / name,
            out / "shards" / name,
            workers=workers,
            reporter=reporter,
            origins=origins,
            verify=verify,
        )
    reporter.say("cli.run.stage", number=4, stage=text("cli.run.pretrain"))
    for number, (folder, run) in enumerate(runs.items(), 1):
        _say_which(folder.partition("/")[2], number, len(runs), run.tokenizer)
        manifest = pretrain(
            run.pretrain,
            run.model,
            out / "shards" / run.tokenizer,
            out / folder,
            reporter=reporter,
            origins=origins,
            verify=verify,
        )
        show_run(out / folder, manifest.counts)


def _say_which(name: str, number: int, total: int, tokenizer: str = "") -> None:
    """Which of several the next lines are about; an only one has no name."""
    values = {"name": name, "number": number, "total": total}
    if tokenizer and tokenizer != name:
        console().reporter.say("cli.run.reads", tokenizer=tokenizer, **values)
    elif name:
        console().reporter.say("cli.run.one", **values)


def _compare(
    config: Recipe,
    runs: list[str],
    tasks: list[FinetuneConfig],
    out: Path,
    origins: dict[str, str],
    verify: bool,
) -> None:
    """Fine-tune every row of the league, print the table, answer the recipe's sentences."""
    from malmoi.cli.league import show_curve, show_league, winners
    from malmoi.cli.predict import show_answers
    from malmoi.league.curve import read_curve
    from malmoi.league.run import league
    from malmoi.predict.predictor import Predictor
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
        predictor = Predictor.open(cell, reporter=reporter)
        show_answers(config.ask, predictor.predict(config.ask), predictor.kind)
    console().result(
        {"out": str(out), "table": [line.as_dict() for line in lines]}, f"{out}: {winners(lines)}"
    )
    reporter.say("cli.run.next", cell=cell)


def name_of(folder: str) -> str:
    """The league's name of a run: `pretrain/electra` is electra, a lone `pretrain` is pretrained."""
    return folder.partition("/")[2] or "pretrained"
