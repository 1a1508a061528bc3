"""Journals as columns, and what thinning them keeps."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.report.charts import Line, colour, plot
from malmoi.report.curves import read_curves, thin
from malmoi.report.numbers import big, percent, short, signed


@given(st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=600), st.integers(1, 40))
def test_thin_keeps_extremes_and_ends_and_little_more(values: list[float], width: int) -> None:
    y = np.array(values)
    x = np.arange(len(y), dtype=np.float64)
    thin_x, thin_y = thin(x, y, width)
    finite = y[np.isfinite(y)]
    assert len(thin_x) == len(thin_y) <= max(2 * width + 2, 0)
    assert (np.diff(thin_x) > 0).all()
    if len(finite):
        assert thin_y.max() == finite.max() and thin_y.min() == finite.min()
        assert thin_y[0] == finite[0] and thin_y[-1] == finite[-1]
        assert set(zip(thin_x, thin_y, strict=True)) <= set(zip(x, y, strict=True))


def test_columns_clock_alarms_and_restarts(tmp_path: Path) -> None:
    journal = tmp_path / "metrics.jsonl"
    entries = [
        {"step": 2, "tokens": 20, "loss": 3.0, "clock": {"elapsed_s": 4.0, "mfu": 0.5}},
        {"step": 2, "tokens": 20, "heldout_loss": 3.5},
        {"step": 3, "tokens": 30, "alarm": "MM0520", "values": {}},
        {"step": 4, "tokens": 40, "loss": 2.0, "clock": {"elapsed_s": 1.0, "mfu": 0.6}},
    ]
    journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    curves = read_curves(journal)
    assert (curves.step, curves.tokens) == (4, 40)
    assert curves.series["loss"].steps.tolist() == [2, 4]
    assert curves.series["loss"].tokens.tolist() == [20, 40]
    assert curves.series["heldout_loss"].values.tolist() == [3.5]
    assert curves.last("clock.mfu") == 0.6 and curves.last("nothing") is None
    assert curves.elapsed().tolist() == [4.0, 5.0]  # the second process began at 0 again
    assert [alarm["alarm"] for alarm in curves.alarms] == ["MM0520"]


def test_torn_last_line_is_left_out_and_a_damaged_one_refused(tmp_path: Path) -> None:
    journal = tmp_path / "metrics.jsonl"
    whole = '{"step": 1, "tokens": 5, "loss": 1.0}\n'
    journal.write_text(whole + '{"step": 2, "tok')
    assert read_curves(journal).step == 1
    journal.write_text(whole + '{"step": 2}\n' + whole)
    with pytest.raises(MalmoiError) as raised:
        read_curves(journal)
    assert str(raised.value).startswith(f"MM1002 {journal}:2: the file is damaged")
    assert read_curves(tmp_path / "none.jsonl").series == {}


def drawn(journal: Path, steps: int) -> tuple[str, float]:
    """The plot of a journal of so many steps, and what reading and drawing it costs in CPU seconds."""
    with journal.open("w") as stream:
        for step in range(1, steps + 1):
            loss = 900.0 if step == 4321 else 8 / step**0.1
            stream.write(f'{{"step": {step}, "tokens": {step * 4096}, "loss": {loss!r}, "lr": 0.001}}\n')
    begun = time.process_time()
    series = read_curves(journal).series["loss"]
    svg = plot([Line(series.tokens.astype(np.float64), series.values, colour(0))], x_title="토큰", title="t")
    return svg, time.process_time() - begun


def test_a_long_journal_costs_by_its_length_and_is_drawn_small(tmp_path: Path) -> None:
    few, cost_of_few = drawn(tmp_path / "few.jsonl", 25_000)
    svg, cost = drawn(tmp_path / "metrics.jsonl", 100_000)
    assert cost < 8 * cost_of_few + 0.2  # sixteen times as much, were it quadratic
    assert len(svg) < 40_000 and len(svg) < 1.2 * len(few)
    assert ">800<" in svg  # the one step that spiked is still there: the axis reaches it
    assert "토큰" in svg and "font-family" not in svg


def test_numbers_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [big(n) for n in (9_310, 48_000, 8_941_122, 123_400_000, 3.4e12)] == [
        "9,310",
        "48K",
        "8.94M",
        "123M",
        "3.4T",
    ]
    from malmoi.messages import set_language

    set_language("ko")
    assert [big(n) for n in (9_310, 48_000, 8_941_122, 123_400_000)] == ["9,310", "4.8만", "894만", "1.23억"]
    assert [short(v) for v in (6.9321, None, float("nan"), 1e-7, 0.0)] == [
        "6.932",
        "–",
        "–",
        "1.00e-07",
        "0.000",
    ]
    assert percent(0.8176, 2) == "81.76" and signed(-0.0117) == "−1.2" and signed(0.03) == "+3.0"


def test_names_in_a_plot_are_escaped() -> None:
    from malmoi.report.charts import Level

    line = Line(np.array([0.0, 1.0]), np.array([0.0, 1.0]), colour(0))
    svg = plot([line], x_title="<x>", title='"><script>', levels=[Level(0.5, "<img src=x>")])
    assert "<script" not in svg and "<img" not in svg and "&lt;img" in svg
