"""Bars: what was done before a step began moves them and is no speed."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from types import SimpleNamespace

import pytest

from malmoi.cli import console as module
from malmoi.cli.console import BarReporter, Console, PlainReporter, _BarStep
from malmoi.cli.pretrain import _title


def test_a_resumed_step_tells_the_speed_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    with redirect_stderr(err):
        reporter = PlainReporter(Console("text"))
        now = [0.0]
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
        with reporter.step("pretrain.steps", 10_000, "step") as step:
            step.skip(9_000)
            now[0] = 100.0
            step.advance(500)
            now[0] = 120.0
    middle, end = err.getvalue().splitlines()
    assert middle == "pretraining: 9,500 steps (5 steps/s) 95% 1m 40s left"
    assert end == "pretraining: 9,500 steps (4.17 steps/s) in 2m 00s"


def test_a_step_that_did_nothing_says_nothing() -> None:
    err = io.StringIO()
    with redirect_stderr(err), PlainReporter(Console("text")).step("report.diff.comparing", 4, "step"):
        pass
    assert err.getvalue() == ""


def test_rows_of_a_table_begin_small() -> None:
    assert [_title(name) for name in ("accuracy", "mfu", "my_loss")] == [
        "accuracy on masked tokens",
        "MFU",
        "my loss",
    ]


def test_a_resumed_bar_begins_where_it_was() -> None:
    with (
        redirect_stderr(io.StringIO()),
        BarReporter(Console("text")).step("pretrain.steps", 100, "step") as step,
    ):
        assert isinstance(step, _BarStep)
        step.skip(40)
        step.skip(20)
        (task,) = step.progress.tasks
        assert (task.completed, task.total, task.speed) == (60, 100, None)
        step.advance(10, "loss 7.1")
        assert task.completed == 70
