"""What `finetune` and `league` share: the options that say what to learn, and how scores are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from malmoi.messages import text

TaskName = Annotated[str | None, typer.Option("--task", help=text("cli.finetune.task"))]
Data = Annotated[Path | None, typer.Option("--data", help=text("cli.finetune.data"))]
Train = Annotated[Path | None, typer.Option("--train", help=text("cli.finetune.train"))]
Dev = Annotated[Path | None, typer.Option("--dev", help=text("cli.finetune.dev"))]
Test = Annotated[Path | None, typer.Option("--test", help=text("cli.finetune.test"))]
TextColumns = Annotated[str | None, typer.Option("--text", help=text("cli.finetune.text"))]
Label = Annotated[str | None, typer.Option("--label", help=text("cli.finetune.label"))]
KindOfLabel = Annotated[str | None, typer.Option("--kind", help=text("cli.finetune.kind"))]
TrainRows = Annotated[int | None, typer.Option("--train-rows", min=0, help=text("cli.finetune.train_rows"))]
RecipeFile = Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))]
Sets = Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))]
Verify = Annotated[bool, typer.Option("--verify", help=text("cli.verify"))]


def task_overrides(options: dict[str, Any]) -> list[str]:
    """The options above as `--set finetune.…` overrides; those not given are left out.

    Args:
        options: a command's `locals()`; what is none of the options above is ignored.
    """
    names = {"columns": "text"} | {
        name: name for name in ("task", "data", "train", "dev", "test", "label", "kind", "train_rows")
    }
    given = {names[key]: value for key, value in options.items() if key in names and value is not None}
    if "text" in given:
        from malmoi.tasks.config import columns_of

        given["text"] = columns_of(given["text"])
    if "train" in given:
        given.setdefault("task", "table")
    plain = {name: value if isinstance(value, int | list) else str(value) for name, value in given.items()}
    return [f"finetune.{name}={json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]


def shown_score(metric: str, mean: float, sd: float | None) -> str:
    """`84.10 ± 0.31`, fractions times 100; one run has no spread to show."""
    from malmoi.tasks.metrics import METRICS

    scale = METRICS[metric].scale
    shown = f"{scale * mean:.2f}" if scale == 100 else f"{mean:.3g}"
    if sd is None:
        return shown
    return f"{shown} ± {scale * sd:.2f}" if scale == 100 else f"{shown} ± {sd:.2g}"
