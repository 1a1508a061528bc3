"""All of it → `report.html`."""

from __future__ import annotations

from collections.abc import Iterator

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage


def run(plan: Plan, context: Context) -> Iterator[object]:
    from malmoi.report.write import write_report

    page = plan.out / "report.html"
    write_report(plan.out, page)
    context.reporter.say("pipeline.report", path=page)
    yield from ()


REPORT = Stage(run)
