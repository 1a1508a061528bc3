"""`malmoi pretrain SHARDS --out DIR`: train, resume, extend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.artifact.finished import MANIFEST, read_manifest
from malmoi.cli.console import amount, console
from malmoi.context import Context
from malmoi.json_files import expected_shape
from malmoi.messages import text, words
from malmoi.model.sizes import SIZES

if TYPE_CHECKING:
    from malmoi.pretrain.counts import FinishedCounts


def register(app: typer.Typer) -> None:
    app.command("pretrain", help=text("cli.pretrain.help"))(pretrain)


def pretrain(
    shards: Annotated[Path, typer.Argument(help=text("cli.pretrain.shards"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.out"), show_default=False)],
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    steps: Annotated[int | None, typer.Option("--steps", help=text("cli.pretrain.steps"))] = None,
    init: Annotated[
        Path | None, typer.Option("--from", help=text("cli.pretrain.from"), show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", help=text("cli.pretrain.size", known=", ".join(SIZES)))
    ] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.pipeline.recipe import read_sections
    from malmoi.pretrain.config import RunConfig
    from malmoi.pretrain.run import pretrain

    overrides = list(sets or [])
    overrides += [f"pretrain.steps={steps}"] if steps is not None else []
    overrides += [f"pretrain.init={json.dumps(str(init), ensure_ascii=False)}"] if init is not None else []
    overrides += [f'model.size="{size}"'] if size is not None else []
    config, origins = read_sections(RunConfig, recipe, overrides)
    context = Context(console().reporter, origins, verify)
    pretrain(config.pretrain, config.model, shards, out, context)
    show(out)


def show(out: Path) -> None:
    """One small table: where the run stands."""
    from malmoi.pretrain.counts import FinishedCounts

    counts = FinishedCounts.of(read_manifest(out, "pretrain"), out)
    with expected_shape(out / MANIFEST):
        _show(out, counts)


def _show(out: Path, counts: FinishedCounts) -> None:
    from malmoi.pretrain.objectives import OBJECTIVES

    heldout = text("cli.pretrain.row.heldout")
    numbers = counts.metrics
    shown = [
        (text("cli.pretrain.row.step"), f"{counts.step:,}"),
        (text("cli.pretrain.row.tokens"), amount(counts.tokens, "token")),
    ]
    names = OBJECTIVES[counts.objective].summary
    for prefix, title in (("", " / ".join(_title(n) for n in names)), ("heldout_", heldout)):
        if all(prefix + name in numbers for name in names):
            shown.append((title, " / ".join(f"{numbers[prefix + name]:.3f}" for name in names)))
    if "heldout_unigram" in numbers:
        shown.append((text("cli.pretrain.row.unigram"), f"{numbers['heldout_unigram']:.3f}"))
    model = str(out / "checkpoints" / f"step-{counts.step}")
    shown.append((text("cli.pretrain.row.model"), model))
    console().table("cli.pretrain.title", ["", ""], shown)
    console().result({"out": str(out), **counts.as_json()}, model)


def _title(metric: str) -> str:
    """As plots call it, but small like the other rows; abbreviations stay."""
    title = words("report.plot", metric)
    return title if title[:2].isupper() else title[:1].lower() + title[1:]
