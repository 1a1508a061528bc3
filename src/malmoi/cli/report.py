"""`malmoi report OUT [--out FILE]`: one HTML file about a run, finished or live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    app.command("report", help=text("cli.report.help"))(report)


def report(
    folder: Annotated[Path, typer.Argument(help=text("cli.report.folder"), show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", help=text("cli.report.out"))] = None,
) -> None:
    from malmoi.report.write import write_report

    target = out or folder / "report.html"
    write_report(folder, target)
    target = target / "report.html" if target.is_dir() else target
    console().print("cli.report.done", path=str(target))
    console().result({"report": str(target)}, str(target))
