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


def register(app: typer.Typer) -> None:
    app.command("run", help=text("cli.run.help"))(run)


def run(
    recipe: Annotated[Path, typer.Argument(help=text("cli.run.recipe"), show_default=False)],
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    workers: Annotated[int, typer.Option("--workers", help=text("cli.workers"))] = 0,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.cli.recipe import Recipe
    from malmoi.config import read_recipe

    begun = time.monotonic()
    config, origins = read_recipe(recipe, Recipe, sets or [])
    out = Path(config.out)
    _build(config, out, origins, workers, verify)
    if config.finetune is not None:
        _compare(config, out, origins, verify)
    console().reporter.say("cli.run.done", out=out, time=duration(time.monotonic() - begun))


def _build(config: Recipe, out: Path, origins: dict[str, str], workers: int, verify: bool) -> None:
    """corpus → tokenizer → shards → pretrain."""
    from malmoi.cli.corpus import show_corpus
    from malmoi.cli.pretrain import show_run
    from malmoi.cli.tokenizer import show_tokenizer
    from malmoi.corpus.build import build_corpus
    from malmoi.pretrain.run import pretrain
    from malmoi.shards.build import build_shards
    from malmoi.tokenizer.train import train_tokenizer

    reporter = console().reporter
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
    manifest = pretrain(
        config.pretrain,
        config.model,
        out / "shards",
        out / "pretrain",
        reporter=reporter,
        origins=origins,
        verify=verify,
    )
    show_run(out / "pretrain", manifest.counts)


def _compare(config: Recipe, out: Path, origins: dict[str, str], verify: bool) -> None:
    """Fine-tune every row of the league, print the table, answer the recipe's sentences."""
    from malmoi.cli.league import show_league
    from malmoi.cli.predict import show_answers
    from malmoi.finetune.predictor import Predictor
    from malmoi.league.run import league
    from malmoi.tasks.data import task_of

    assert config.finetune is not None
    reporter = console().reporter
    reporter.say("cli.run.stage", number=5, stage=text("cli.run.league"))
    checkpoints = {"pretrained": out / "pretrain"}
    lines = league(
        config.league,
        [config.finetune],
        checkpoints,
        out / "league",
        reporter=reporter,
        origins=origins,
        verify=verify,
    )
    show_league(lines)
    task = task_of(config.finetune).name  # "table" is no name: a user's own task is called by its file
    cell = out / "league" / "cells" / "pretrained" / task / f"seed-{config.finetune.seed}"
    if config.ask:
        show_answers(config.ask, Predictor.open(cell).predict(config.ask))
    console().result({"out": str(out), "table": [line.as_dict() for line in lines]})
    reporter.say("cli.run.next", cell=cell)
