"""The lines of a table from the scores of its cells: means, spreads and differences by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from malmoi.league.entries import Entry
from malmoi.league.table import league_table
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples
from malmoi.tasks.suites import table_task

ROWS = [
    Entry("가", None, "새것"),
    Entry("나", None, "혼자"),
    Entry("새것", None),
    Entry("혼자", None),
]
SCORES = {
    "가": ([0.80, 0.84, 0.88], [0.5, 0.5, 0.5]),
    "나": ([0.90, 0.92], [0.1, 0.2]),
    "새것": ([0.70, 0.72], [0.9, 0.9]),
    "혼자": ([0.60], [0.3]),
}


def examples(count: int) -> Examples:
    return Examples(Path("a.csv"), list(range(count)), ["글"] * count, ["좋음"] * count)


@pytest.fixture
def cells(tmp_path: Path) -> dict[str, list[Path]]:
    """scores.json of every row and seed: `macro_f1` on test and on dev, and an accuracy nobody asked for."""
    found: dict[str, list[Path]] = {}
    for name, (tests, devs) in SCORES.items():
        for seed, (test, dev) in enumerate(zip(tests, devs, strict=False)):
            cell = tmp_path / name / f"seed-{seed}"
            cell.mkdir(parents=True)
            told = {"test": {"macro_f1": test, "accuracy": 0.0}, "dev": {"macro_f1": dev, "accuracy": 0.0}}
            (cell / "scores.json").write_text(json.dumps(told), "utf-8")
            found.setdefault(name, []).append(cell)
    return found


DATA = TaskData(
    table_task("평", ["글"], "라벨"), ("나쁨", "좋음"), examples(9), examples(50), examples(400), {}, {}
)


def test_means_spreads_and_differences(cells: dict[str, list[Path]]) -> None:
    lines = league_table(ROWS, DATA, cells)
    assert [line.row for line in lines] == ["나", "가", "새것", "혼자"]
    assert [line.best for line in lines] == [True, False, False, False]
    by = {line.row: line for line in lines}
    assert [by[row.name].values for row in ROWS] == [SCORES[row.name][0] for row in ROWS]
    assert {(line.task, line.metric, line.split, line.scored) for line in lines} == {
        ("평", "macro_f1", "test", 400)
    }
    assert (by["가"].mean, by["가"].sd, by["가"].n) == (pytest.approx(0.84), pytest.approx(0.04), 3)
    assert (by["새것"].mean, by["새것"].sd, by["새것"].n) == (
        pytest.approx(0.71),
        pytest.approx(0.0002**0.5),
        2,
    )
    assert (by["혼자"].mean, by["혼자"].sd, by["혼자"].n) == (0.60, None, 1)
    assert [by[name].against for name in ("가", "나", "새것", "혼자")] == ["새것", "혼자", None, None]
    assert by["가"].difference == pytest.approx(0.13)
    # Of the mean of three and the mean of two: the variances of the seeds over their numbers.
    assert by["가"].difference_se == pytest.approx((0.0016 / 3 + 0.0002 / 2) ** 0.5)
    assert (by["나"].difference, by["나"].difference_se) == (pytest.approx(0.31), None)
    assert (by["새것"].difference, by["새것"].difference_se) == (None, None)


def test_without_a_test_file_dev_is_told(cells: dict[str, list[Path]]) -> None:
    lines = league_table(ROWS, replace(DATA, test=None), cells)
    assert {(line.split, line.scored) for line in lines} == {("dev", 50)}
    assert (lines[0].row, lines[0].mean) == ("새것", 0.9)


def test_the_sampling_error_of_a_row_is_the_mean_of_its_cells(cells: dict[str, list[Path]]) -> None:
    """What older cells do not know is not told of any."""
    for sd, cell in zip((0.01, 0.02, 0.06), cells["가"], strict=True):
        told = json.loads((cell / "scores.json").read_text("utf-8"))
        told["test"]["sampling_sd"] = sd
        (cell / "scores.json").write_text(json.dumps(told), "utf-8")
    by = {line.row: line for line in league_table(ROWS, DATA, cells)}
    assert by["가"].sampling_sd == pytest.approx(0.03) and by["나"].sampling_sd is None
