"""`malmoi diff RUN1 RUN2 [--out FILE]`: where two pretraining runs differ, down to the first batch.

Exit codes as of `diff`: 0 the same, 1 different, 2 trouble.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.cli.console import console
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.report.compare import RunComparison

TABLES = ("identity", "data", "execution", "versions")


def register(app: typer.Typer) -> None:
    app.command("diff", help=text("cli.diff.help"))(diff)


def diff(
    left: Annotated[Path, typer.Argument(help=text("cli.diff.run"), show_default=False, metavar="A")],
    right: Annotated[Path, typer.Argument(help=text("cli.diff.run"), show_default=False, metavar="B")],
    out: Annotated[Path | None, typer.Option("--out", help=text("cli.diff.out"))] = None,
) -> None:
    from malmoi.report.compare import compare
    from malmoi.report.diff import findings, headline, write_diff

    found = compare(left, right, console().reporter)
    if console().mode != "json":
        for name in TABLES:
            _show(name, found)
        _show_batch(found)
        for line in (headline(found), *(said.text for said in findings(found))):
            console().show(line)
    console().result(
        {
            "same": found.same,
            **{name: [asdict(row) for row in getattr(found, name)] for name in TABLES},
            "curve": asdict(found.curve) if found.curve else None,
            "batches": asdict(found.batches),
        },
        headline(found),
    )
    if out is not None:
        write_diff(found, out)
        console().print("cli.report.done", path=str(out))
    if not found.same:
        raise typer.Exit(1)


def _show(name: str, found: RunComparison) -> None:
    """A table of what differs, if anything does; where a value came from stands below it."""
    rows = getattr(found, name)
    if rows:
        shown = [
            (row.key, _value(row.left, row.left_origin), _value(row.right, row.right_origin)) for row in rows
        ]
        console().table(f"report.diff.{name}", [text("report.diff.value"), "A", "B"], shown)


def _value(value: str, origin: str) -> str:
    return f"{value}\n({origin})" if origin else value


def _show_batch(found: RunComparison) -> None:
    first = found.batches.first
    if first is None:
        return
    rows = []
    for side, row in (("A", first.left), ("B", first.right)):
        shown = text("report.diff.no_row") if row is None else " ".join(token for token, _ in row.tokens)
        rows.append((side, row.place if row else "", shown))
    console().table("report.diff.batch", ["", "", text("report.answers.text")], rows)
