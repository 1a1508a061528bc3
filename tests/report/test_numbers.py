"""Numbers as people read them, at the edges where they change their form."""

from __future__ import annotations

import math

import pytest

from malmoi.messages import set_language
from malmoi.report.numbers import (
    big,
    chance,
    gained,
    lasting,
    metric_title,
    percent,
    scored,
    short,
    signed,
)


@pytest.mark.parametrize(
    ("value", "in_english", "in_korean"),
    [
        (0, "0", "0"),
        (9_999, "9,999", "9,999"),
        (10_000, "10K", "1만"),
        (12_345, "12.3K", "1.23만"),
        (100_000, "100K", "10만"),
        (100_600, "101K", "10.1만"),
        (999_000, "999K", "99.9만"),
        (1_000_000, "1M", "100만"),
        (10_000_000, "10M", "1,000만"),
        (99_999_999, "100M", "10,000만"),
        (100_000_000, "100M", "1억"),
        (1_000_000_000, "1B", "10억"),
        (120_000_000_000, "120B", "1,200억"),
        (1_000_000_000_000, "1T", "1조"),
        (-12_345, "-12.3K", "-1.23만"),
        (-9_310.4, "-9,310", "-9,310"),
    ],
)
def test_big(value: float, in_english: str, in_korean: str) -> None:
    assert big(value) == in_english
    set_language("ko")
    assert big(value) == in_korean


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0.000"),
        (0.001, "0.001"),
        (0.0009, "9.00e-04"),
        (-0.5, "-0.500"),
        (99.9, "99.900"),
        (100, "100.0"),
        (-100, "-100.0"),
        (99_999, "99,999.0"),
        (100_000, "1.00e+05"),
        (None, "–"),
        (math.inf, "–"),
    ],
)
def test_short(value: float | None, told: str) -> None:
    assert short(value) == told


def test_a_score_is_written_as_its_metric_is_read() -> None:
    assert (scored("accuracy", 0.8412), scored("accuracy", 0.8412, 2)) == ("84.1", "84.12")
    assert (scored("rmse", 0.8412), scored("rmse", None)) == ("0.841", "–")
    assert [gained("rmse", value) for value in (0.25, -0.25, 0.0, None)] == ["+0.250", "−0.250", "0.000", "–"]
    assert gained("spearman", -0.012) == "−1.2"
    assert (metric_title("spearman"), metric_title("rmse")) == ("Spearman (%)", "RMSE")


def test_percent_and_points() -> None:
    assert [percent(0.8416), percent(0.84162, 2), percent(1), percent(None), percent(math.nan)] == [
        "84.2",
        "84.16",
        "100.0",
        "–",
        "–",
    ]
    assert [signed(0.034), signed(-0.0117, 2), signed(0), signed(None), signed(math.inf)] == [
        "+3.4",
        "−1.17",
        "+0.0",
        "–",
        "–",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-3, "0s"),
        (0, "0s"),
        (59.4, "59s"),
        (60, "1m 00s"),
        (61, "1m 01s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (7859, "2h 10m"),
    ],
)
def test_lasting(seconds: float, told: str) -> None:
    assert lasting(seconds) == told


@pytest.mark.parametrize(
    ("p", "told"),
    [(None, "p –"), (1.0, "p = 1.000"), (0.0123, "p = 0.012"), (0.001, "p = 0.001"), (9e-4, "p < 0.001")],
)
def test_chance(p: float | None, told: str) -> None:
    assert chance(p) == told
