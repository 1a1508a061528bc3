"""`malmoi finetune CHECKPOINT --task nsmc --data DIR --out DIR`, or with one's own csv."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from malmoi.cli.console import console
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    app.command("finetune", help=text("cli.finetune.help"))(finetune)


def finetune(
    checkpoint: Annotated[Path, typer.Argument(help=text("cli.finetune.checkpoint"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.finetune.out"), show_default=False)],
    task: Annotated[str | None, typer.Option("--task", help=text("cli.finetune.task"))] = None,
    data: Annotated[Path | None, typer.Option("--data", help=text("cli.finetune.data"))] = None,
    train: Annotated[Path | None, typer.Option("--train", help=text("cli.finetune.train"))] = None,
    dev: Annotated[Path | None, typer.Option("--dev", help=text("cli.finetune.dev"))] = None,
    test: Annotated[Path | None, typer.Option("--test", help=text("cli.finetune.test"))] = None,
    columns: Annotated[str | None, typer.Option("--text", help=text("cli.finetune.text"))] = None,
    label: Annotated[str | None, typer.Option("--label", help=text("cli.finetune.label"))] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help=text("cli.finetune.seeds"))] = 1,
    train_rows: Annotated[
        int | None, typer.Option("--train-rows", min=0, help=text("cli.finetune.train_rows"))
    ] = None,
    no_pretraining: Annotated[
        bool, typer.Option("--no-pretraining", help=text("cli.finetune.no_pretraining"))
    ] = False,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help=text("cli.finetune.tokenizer"))
    ] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.cli.recipe import read_sections
    from malmoi.config import Section
    from malmoi.finetune.config import FinetuneConfig

    class Sections(Section):
        finetune: FinetuneConfig = FinetuneConfig()

    overrides = task_overrides(
        task=task,
        data=data,
        train=train,
        dev=dev,
        test=test,
        text=columns,
        label=label,
        train_rows=train_rows,
    )
    config, origins = read_sections(Sections, recipe, [*overrides, *(sets or [])])

    from malmoi.finetune.seeds import finetune_seeds
    from malmoi.finetune.start import pretrained, without_pretraining
    from malmoi.tasks.data import read_task

    start = pretrained(checkpoint, tokenizer)
    summary = finetune_seeds(
        config.finetune,
        read_task(config.finetune, console().reporter),
        without_pretraining(start) if no_pretraining else start,
        out,
        seeds=seeds,
        reporter=console().reporter,
        origins=origins,
        verify=verify,
    )
    show_scores(summary)
    console().reporter.say("finetune.try", out=out)
    console().result({"out": str(out), **summary})


def task_overrides(**options: Any) -> list[str]:
    """The command line's short options as `--set finetune.…` overrides; those not given are left out."""
    if options.get("text"):
        options["text"] = [name.strip() for name in options["text"].split(",")]
    if options.get("train") and not options.get("task"):
        options["task"] = "table"
    overrides = []
    for name, value in options.items():
        if value is not None:
            plain = value if isinstance(value, int | list) else str(value)
            overrides.append(f"finetune.{name}={json.dumps(plain, ensure_ascii=False)}")
    return overrides


def show_scores(summary: dict[str, Any]) -> None:
    """Dev and test, accuracy and macro-F1, over the seeds."""
    rows = [
        [
            text(f"finetune.split.{split}"),
            f"{summary[split]['rows']:,}",
            str(len(summary["seeds"])),
            *(percent(summary[split][metric]) for metric in ("accuracy", "macro_f1")),
        ]
        for split in ("dev", "test")
        if summary[split] is not None
    ]
    names = ("split", "rows", "seeds", "accuracy", "macro_f1")
    console().table("finetune.table", [text(f"finetune.column.{name}") for name in names], rows)


def percent(spread: dict[str, Any]) -> str:
    """`84.1 ± 0.3`; one run has no spread to show."""
    mean = f"{100 * spread['mean']:.2f}"
    return mean if spread["sd"] is None else f"{mean} ± {100 * spread['sd']:.2f}"
