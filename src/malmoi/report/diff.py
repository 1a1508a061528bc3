"""What `malmoi diff` says about two runs: sentences for the terminal, and the same with plots as a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from malmoi.artifact.disk import disk_errors, write_bytes
from malmoi.messages import text
from malmoi.paths import readable
from malmoi.report.compare import RunComparison
from malmoi.report.figures import figures
from malmoi.report.verdict import Finding
from malmoi.report.write import render


def write_diff(found: RunComparison, target: Path) -> None:
    """Write the comparison to `target`, a file or a folder. Raises MM0015-MM0016 (disk)."""
    runs = [
        replace(run, name=f"{side} · {run.name}") for side, run in (("A", found.left), ("B", found.right))
    ]
    page = render(
        "diff.html",
        found=found,
        headline=headline(found),
        findings=findings(found),
        figures=figures(runs, speed=False),
    )
    target = target / "diff.html" if target.is_dir() else target
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, readable(page).encode())


def headline(found: RunComparison) -> str:
    if found.same:
        return text("report.diff.same")
    parts = {
        "identity": found.identity,
        "data": found.data,
        "batches": found.batches.first,
        "curves": found.curve,
    }
    names = ", ".join(text(f"report.diff.short_{name}") for name, value in parts.items() if value)
    return text("report.diff.different", what=names)


def findings(found: RunComparison) -> list[Finding]:
    """Curves, batches, and differences that do not change the result."""
    said = [_curve(found), _batch(found)]
    if found.same and (found.execution or found.versions):
        said.append(Finding("plain", text("report.diff.harmless")))
    return said


def _curve(found: RunComparison) -> Finding:
    if found.curve is not None:
        c = found.curve
        values = {"name": c.name, "left": repr(c.left), "right": repr(c.right)}
        return Finding("warn", text("report.diff.curve_differs", step=f"{c.step:,}", **values))
    if not found.logged:
        return Finding("plain", text("report.diff.curve_nothing"))
    return Finding("good", text("report.diff.curve_same", n=f"{found.logged:,}"))


def _batch(found: RunComparison) -> Finding:
    batches = found.batches
    if batches.reason is not None:
        return Finding("plain", text(batches.reason, folder=batches.folder))
    if batches.first is None:
        return Finding("good", text("report.diff.batches_same", n=f"{batches.compared:,}"))
    first = batches.first
    key = f"report.diff.batch_{first.what}"
    return Finding("warn", text(key, k=f"{first.k:,}", step=f"{first.k + 1:,}", row=first.row))
