"""What the user sees. Progress and news go to stderr, results to stdout, so that piping works.

`text`: bars on a terminal, plain lines when piped. `quiet`: errors, warnings and the result in one line.
`json`: one JSON object a line on stdout, nothing else.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console as Terminal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from malmoi.errors import MalmoiError
from malmoi.json_files import to_json
from malmoi.messages import text
from malmoi.paths import readable
from malmoi.progress import Reporter, Step

PLAIN_EVERY_S = 10.0  # a piped log gets a line of progress this often


class Console:
    """One per process; `mode` is text, quiet or json."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.out = Terminal(soft_wrap=not sys.stdout.isatty())
        self.err = Terminal(stderr=True, soft_wrap=not sys.stderr.isatty())
        self.reporter: Reporter = _reporter(self)
        self._line = ""

    def error(self, error: MalmoiError) -> None:
        if self.mode == "json":
            self.emit("error", **error.as_dict())
            return
        place = f"{escape(error.where)}: " if error.where else ""
        self.err.print(f"[bold red]{error.code}[/] {place}{escape(error.what)}", highlight=False)
        self.err.print(f"  {escape(error.why)}", highlight=False)
        self.err.print(f"  [green]→ {escape(error.do)}[/]", highlight=False)

    def table(self, title_key: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; cells may hold rich markup only if they are `rich.text.Text`."""
        if self.mode == "json":
            self.emit(
                "table", title=title_key, columns=list(columns), rows=[[str(c) for c in row] for row in rows]
            )
            return
        if self.mode == "quiet":
            return
        style = {"title_justify": "left", "title_style": "bold", "header_style": "bold"}
        table = Table(title=text(title_key), show_header=any(columns), **style)  # type: ignore[arg-type]
        for index, column in enumerate(columns):
            table.add_column(column, justify="right" if _numeric(rows, index) else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(readable(str(cell))) for cell in row))
        self.out.print(table)

    def print(self, key: str, **values: Any) -> None:
        """A line of the result itself, on stdout."""
        if self.mode == "json":
            self.emit("message", key=key, **values)
        else:
            self.show(text(key, **values))

    def show(self, line: str | Text, style: str | None = None) -> None:
        """Print a line for people, on stdout."""
        if self.mode == "text":
            self.out.print(line, style=style, markup=False, highlight=False)

    def notice(self, key: str, **values: Any) -> None:
        """A line that even `--quiet` shows, on stderr: how the command ended."""
        if self.mode == "json":
            self.emit("message", key=key, **values)
        else:
            self.err.print(text(key, **values), markup=False, highlight=False)

    def result(self, values: dict[str, Any], line: str) -> None:
        """What the command has made: an object for scripts, a line for `--quiet`; people have read the table.

        Of a command with several stages each has a result, and the last one's line is the command's.
        """
        if self.mode == "json":
            self.emit("result", **values)
        self._line = line

    def finish(self) -> None:
        """Print the line that is all `--quiet` says of a command that went well."""
        if self.mode == "quiet" and self._line:
            print(readable(self._line))

    def emit(self, event: str, **values: Any) -> None:
        """An object on a line; in ASCII with escapes where stdout speaks no UTF-8."""
        line = to_json({"event": event, **values}, default=str)
        if not self.out.encoding.startswith("utf"):
            line = json.dumps(json.loads(line))
        print(line, flush=True)


def _numeric(rows: Sequence[Sequence[object]], index: int) -> bool:
    cells = [str(row[index]) for row in rows if str(row[index])]
    return bool(cells) and all(cell.lstrip("+-−")[:1].isdigit() for cell in cells)


_current: Console | None = None


def console() -> Console:
    """The console of this process."""
    global _current
    if _current is None:
        _current = Console("text")
    return _current


def use_console(new: Console) -> None:
    global _current
    _current = new


def _reporter(console: Console) -> Reporter:
    if console.mode == "json":
        return JsonReporter(console)
    if console.mode == "quiet":
        return QuietReporter(console)
    return BarReporter(console) if console.err.is_terminal else PlainReporter(console)


class QuietReporter(Reporter):
    """Warnings only, and each once: every cell of a league opens the same tokenizer."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.said: set[str] = set()

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        error = MalmoiError(code, where, **values)
        if str(error) not in self.said:
            self.said.add(str(error))
            self.show(error)

    def show(self, error: MalmoiError) -> None:
        code, where = error.code, error.where
        place = f"{where}: " if where else ""
        self.console.err.print(f"[bold yellow]{code}[/] {escape(place + error.what)}", highlight=False)
        self.console.err.print(f"  {escape(error.why)}\n  [green]→ {escape(error.do)}[/]", highlight=False)


class PlainReporter(QuietReporter):
    """Lines without control characters, for logs."""

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        step = _PlainStep(self.console, text(key), total, unit)
        yield step
        step.finish()

    def say(self, key: str, **values: Any) -> None:
        self.console.err.print(text(key, **values), markup=False, highlight=False)


class _PlainStep:
    def __init__(self, console: Console, name: str, total: float | None, unit: str) -> None:
        self.console, self.name, self.total, self.unit = console, name, total, unit
        self.done, self.skipped, self.started = 0.0, 0.0, time.monotonic()
        self.spoke = self.started

    def skip(self, amount: float) -> None:
        self.done += amount
        self.skipped += amount

    def advance(self, amount: float, detail: str = "") -> None:
        self.done += amount
        now = time.monotonic()
        if now - self.spoke >= PLAIN_EVERY_S:
            self.spoke = now
            left = ""
            if self.total and self.done > self.skipped:
                seconds = (now - self.started) * (self.total - self.done) / (self.done - self.skipped)
                left = f" {self.done / self.total:.0%} {text('cli.left', time=duration(seconds))}"
            self._print(f"{left} {readable(detail)}".rstrip())

    def finish(self) -> None:
        if self.done:
            self._print(f" {text('cli.took', time=duration(time.monotonic() - self.started))}")

    def _print(self, rest: str) -> None:
        rate = (self.done - self.skipped) / max(time.monotonic() - self.started, 1e-3)
        line = f"{self.name}: {amount(self.done, self.unit)} ({amount(rate, self.unit)}/s){rest}"
        self.console.err.print(line, markup=False, highlight=False)


class BarReporter(PlainReporter):
    """Live bars with rate, time left and what is being worked on."""

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        columns: tuple[ProgressColumn, ...] = (
            SpinnerColumn("dots" if self.console.err.encoding.startswith("utf") else "line"),
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=16),
            _Amount(unit),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[detail]}", style="dim", markup=False, table_column=Column(no_wrap=True)),
        )
        with Progress(*columns, console=self.console.err) as progress:
            yield _BarStep(progress, progress.add_task(text(key), total=total, detail=""), total)


class _BarStep:
    def __init__(self, progress: Progress, task: Any, total: float | None) -> None:
        self.progress, self.task, self.total = progress, task, total
        self.skipped = 0.0

    def skip(self, amount: float) -> None:
        self.skipped += amount
        self.progress.reset(self.task, total=self.total, completed=self.skipped)  # type: ignore[arg-type]

    def advance(self, amount: float, detail: str = "") -> None:
        self.progress.update(self.task, advance=amount, detail=readable(detail))


class _Amount(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        rate = f" {amount(speed, self.unit)}/s" if speed else ""
        done = f"{task.completed / task.total:4.0%}" if task.total else amount(task.completed, self.unit)
        return Text(f"{done}{rate}", style="cyan", no_wrap=True)


class JsonReporter(QuietReporter):
    """Every event as one JSON line on stdout."""

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        self.console.emit("step", key=key, total=total, unit=unit)
        step = _JsonStep(self.console, key)
        yield step
        self.console.emit(
            "step_done", key=key, amount=step.done, seconds=round(time.monotonic() - step.started, 3)
        )

    def say(self, key: str, **values: Any) -> None:
        self.console.emit("message", key=key, **values)

    def show(self, error: MalmoiError) -> None:
        self.console.emit("warning", **error.as_dict())

    def record(self, event: str, **values: Any) -> None:
        self.console.emit(event, **values)


class _JsonStep:
    def __init__(self, console: Console, key: str) -> None:
        self.console, self.key, self.done, self.started = console, key, 0.0, time.monotonic()
        self.spoke = self.started

    def skip(self, amount: float) -> None:
        self.done += amount

    def advance(self, amount: float, detail: str = "") -> None:
        self.done += amount
        if time.monotonic() - self.spoke >= 1.0:
            self.spoke = time.monotonic()
            self.console.emit("progress", key=self.key, amount=self.done, detail=detail)


def amount(value: float, unit: str) -> str:
    """`12.4 MB`, `8,311 token`, `3.20 it`: a number a person can read."""
    if unit == "B":
        for name in ("B", "KB", "MB", "GB", "TB"):
            if abs(value) < 1000 or name == "TB":
                return f"{value:.0f} {name}" if name == "B" else f"{value:.1f} {name}"
            value /= 1000
    shown = f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.2f}"
    return f"{shown} {text(f'unit.{unit}')}"


def duration(seconds: float) -> str:
    """`42s`, `3m 05s`, `2h 10m`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return text("cli.seconds", s=whole)
    if whole < 3600:
        return text("cli.minutes", m=whole // 60, s=whole % 60)
    return text("cli.hours", h=whole // 3600, m=whole % 3600 // 60)
