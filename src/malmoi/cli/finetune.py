"""`malmoi finetune CHECKPOINT --task nsmc --data DIR --out DIR`, or with one's own csv."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from malmoi.cli import tasks as options
from malmoi.cli.console import console
from malmoi.cli.tasks import shown_score, task_overrides
from malmoi.context import Context
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    app.command("finetune", help=text("cli.finetune.help"))(finetune)


def finetune(
    checkpoint: Annotated[Path, typer.Argument(help=text("cli.finetune.checkpoint"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.finetune.out"), show_default=False)],
    task: options.TaskName = None,
    data: options.Data = None,
    train: options.Train = None,
    dev: options.Dev = None,
    test: options.Test = None,
    columns: options.TextColumns = None,
    label: options.Label = None,
    kind: options.KindOfLabel = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help=text("cli.finetune.seeds"))] = 1,
    train_rows: options.TrainRows = None,
    no_pretraining: Annotated[
        bool, typer.Option("--no-pretraining", help=text("cli.finetune.no_pretraining"))
    ] = False,
    tokenizer: Annotated[
        Path | None, typer.Option("--tokenizer", help=text("cli.finetune.tokenizer"))
    ] = None,
    recipe: options.RecipeFile = None,
    sets: options.Sets = None,
    verify: options.Verify = False,
) -> None:
    overrides = task_overrides(locals())
    from malmoi.config import Section
    from malmoi.finetune.config import FinetuneConfig
    from malmoi.pipeline.recipe import read_sections

    class Sections(Section):
        finetune: FinetuneConfig = FinetuneConfig()

    config, origins = read_sections(Sections, recipe, [*overrides, *(sets or [])])

    from malmoi.finetune.seeds import finetune_seeds
    from malmoi.finetune.start import pretrained, without_pretraining
    from malmoi.tasks.data import read_task

    start = pretrained(checkpoint, tokenizer, console().reporter)
    found = read_task(config.finetune, console().reporter)
    summary = finetune_seeds(
        config.finetune,
        found,
        without_pretraining(start) if no_pretraining else start,
        out,
        Context(console().reporter, origins, verify),
        seeds=seeds,
    )
    show_scores(summary)
    console().reporter.say("finetune.try_pair" if found.pair else "finetune.try", out=out)
    console().result({"out": str(out), **summary}, f"{out}: {best_known(summary)}")


def best_known(summary: dict[str, Any]) -> str:
    """`test accuracy 84.10 ± 0.31`: the task's own metric, on dev where there is no test."""
    from malmoi.tasks.metrics import metric_name

    split = "test" if summary["test"] is not None else "dev"
    metric = summary["metric"]
    score = shown_score(metric, summary[split][metric]["mean"], summary[split][metric]["sd"])
    return f"{split} {metric_name(metric)} {score}"


def show_scores(summary: dict[str, Any]) -> None:
    """Dev and test, every metric of the task's kind, over the seeds."""
    from malmoi.tasks.metrics import METRICS, metric_name

    metrics = [name for name in METRICS if name in summary["dev"]]
    rows = [
        [
            text(f"finetune.split.{split}"),
            f"{summary[split]['rows']:,}",
            str(len(summary["seeds"])),
            *(
                shown_score(name, summary[split][name]["mean"], summary[split][name]["sd"])
                for name in metrics
            ),
        ]
        for split in ("dev", "test")
        if summary[split] is not None
    ]
    names = [text(f"finetune.column.{name}") for name in ("split", "rows", "seeds")]
    console().table("finetune.table", [*names, *map(metric_name, metrics)], rows)
