"""`malmoi autopsy [--out DIR] [--bugs a,b] [--steps N] [--probe] [--list]`."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.cli.console import console
from malmoi.context import Context
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.autopsy.run import VariantFinding


def register(app: typer.Typer) -> None:
    app.command("autopsy", help=text("cli.autopsy.help"))(autopsy)


def autopsy(
    out: Annotated[Path | None, typer.Option("--out", help=text("cli.autopsy.out"))] = None,
    bugs: Annotated[str | None, typer.Option("--bugs", help=text("cli.autopsy.bugs"))] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help=text("cli.autopsy.steps"))] = None,
    probe: Annotated[bool, typer.Option("--probe/--no-probe", help=text("cli.autopsy.probe"))] = False,
    listing: Annotated[bool, typer.Option("--list", help=text("cli.autopsy.list"))] = False,
) -> None:
    from malmoi.autopsy.bugs import BUGS, choose_bugs

    names = choose_bugs(bugs)
    if listing:
        rows = [(name, text(f"autopsy.bug.{name}")) for name in BUGS]
        console().table(
            "autopsy.list_title", [text("autopsy.column.bug"), text("autopsy.column.planted")], rows
        )
        console().result({"bugs": list(BUGS)}, " ".join(BUGS))
    elif out is not None:
        _autopsy(out, names, steps, probe, kept=True)
    else:
        with tempfile.TemporaryDirectory(prefix="malmoi-autopsy-") as folder:
            _autopsy(Path(folder), names, steps, probe, kept=False)


def _autopsy(out: Path, names: list[str], steps: int | None, probing: bool, *, kept: bool) -> None:
    from malmoi.autopsy.bugs import RECIPE
    from malmoi.autopsy.pipeline import make_shards
    from malmoi.autopsy.probe import probe
    from malmoi.autopsy.run import autopsy, judge, tells, write_findings
    from malmoi.sample.write import write_sample

    reporter = console().reporter
    sample = out / "sample"
    write_sample(sample, Context(reporter))
    shards = make_shards(sample, out, Context(reporter))
    recipe = RECIPE if steps is None else RECIPE.model_copy(update={"steps": steps})
    found = autopsy(shards, out, names, recipe=recipe, reporter=reporter)
    scores = probe(sample, out, found, reporter=reporter) if probing else {}
    found = judge(found, scores)
    path = write_findings(out, found)
    show_findings(found)
    if scores:
        fresh = scores[next(line.against for line in scores.values() if line.against)]
        console().print("autopsy.base", score=f"{100 * fresh.mean:.1f}")
        if not tells(scores):
            console().print("autopsy.untold")
    if kept:
        reporter.say("autopsy.written", path=path)
    findings = [asdict(one) for one in found]
    console().result({"out": str(out) if kept else None, "findings": findings}, summary(found))


def show_findings(found: list[VariantFinding]) -> None:
    """A line for each variant; then how many were caught, and which were not."""
    from rich.text import Text

    from malmoi.autopsy.bugs import HEALTHY

    rows = []
    for one in found:
        missed = one.bug != HEALTHY and not one.caught
        entropy = f" ({_short(one.base_entropy)})" if one.base_entropy is not None else ""
        cells = [
            Text(one.bug, style="bold" if one.bug == HEALTHY else ""),
            Text(_caught(one), style="yellow" if missed or (one.bug == HEALTHY and one.alarms) else ""),
            _short(one.generator_loss),
            _short(one.discriminator_loss) + entropy,
            _short(one.auc),
        ]
        rows.append(
            cells + ([f"{100 * one.score:.1f}" if one.score is not None else ""] if _scored(found) else [])
        )
    names = ["bug", "caught", "generator", "discriminator", "auc"] + (["score"] if _scored(found) else [])
    console().table("autopsy.title", [text(f"autopsy.column.{name}") for name in names], rows)
    if console().mode != "json" and (line := summary(found)):
        console().show(line)


def summary(found: list[VariantFinding]) -> str:
    """How many of the planted bugs were caught; empty where none was planted."""
    from malmoi.autopsy.bugs import HEALTHY

    bugs = [one for one in found if one.bug != HEALTHY]
    if missed := [one.bug for one in bugs if not one.caught]:
        caught = len(bugs) - len(missed)
        return text("autopsy.summary", planted=len(bugs), caught=caught, missed=", ".join(missed))
    return text("autopsy.summary_all", planted=len(bugs)) if bugs else ""


def _scored(found: list[VariantFinding]) -> bool:
    return any(one.score is not None for one in found)


def _caught(one: VariantFinding) -> str:
    """`MM0529@20 MM0523@40`, or that nothing did."""
    from malmoi.autopsy.bugs import HEALTHY

    steps = dict(one.alarms) | (dict([one.refused]) if one.refused else {})
    if one.bug == HEALTHY:
        codes = " ".join(f"{code}@{step}" for code, step in steps.items())
        return text("autopsy.false_alarm", codes=codes) if codes else text("autopsy.quiet")
    words = [f"{code}@{steps[code]}" if code in steps else text("autopsy.probe") for code in one.caught]
    return " ".join(words) or text("autopsy.nothing")


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
