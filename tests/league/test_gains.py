"""What is claimed of a table without an effect, and of one with an effect; p against scipy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from malmoi.league.gains import bar_ps, gain_ps, holm, judge, student_tail

Line = dict[str, Any]


def line(row: str, values: list[float], *, against: str | None = None, scored: int = 5000) -> Line:
    return {"row": row, "task": "t", "values": values, "against": against, "scored": scored}


@pytest.mark.parametrize("freedom", [1.0, 1.3, 2.0, 3.7, 8.0, 50.0, 400.0])
def test_the_tail_of_t_is_scipys(freedom: float) -> None:
    for t in (0.0, 0.01, 0.5, 1.0, 2.0, 4.0, 12.0, 60.0):
        assert student_tail(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), abs=1e-5)
        assert student_tail(-t, freedom) == student_tail(t, freedom)


def test_p_is_welchs() -> None:
    a, b = [0.81, 0.84, 0.80, 0.83], [0.79, 0.74, 0.70]
    (p, none) = gain_ps([line("ours", a, against="base"), line("base", b)])
    assert none is None and p == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue, abs=1e-6)
    (p, none) = bar_ps([line("ours", a), line("characters", [0.79])])
    assert none is None and p == pytest.approx(stats.ttest_1samp(a, 0.79).pvalue, abs=1e-6)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0] and holm([0.2]) == [0.2] and holm([]) == []


def test_a_gain_is_judged_among_all_that_are_told_with_it() -> None:
    base = line("base", [0.790, 0.800, 0.810])
    clear = line("a", [0.820, 0.830, 0.840], against="base")
    (alone, _) = gain_ps([clear, base])
    others = [line(f"x{i}", [0.79, 0.80, 0.812], against="base") for i in range(3)]
    together = gain_ps([clear, *others, base])[0]
    assert alone is not None and together is not None
    assert judge(0.03, alone) == "helps" and judge(0.03, together) == "unclear"
    assert together == pytest.approx(4 * alone)


def test_one_seed_shows_nothing_and_seeds_that_agree_are_not_certain() -> None:
    assert gain_ps([line("a", [0.9], against="b"), line("b", [0.8, 0.81])])[0] is None
    assert gain_ps([line("a", [0.9, 0.91], against="gone")]) == [None]
    # 40 rows: the scores of both seeds fell on the same step of .025, on either side.
    (p, _) = gain_ps([line("a", [0.825] * 2, against="b", scored=40), line("b", [0.8] * 2, scored=40)])
    assert p is not None and judge(0.025, p) == "unclear"
    (p, _) = gain_ps([line("a", [1.0] * 3, against="b", scored=40), line("b", [0.5] * 3, scored=40)])
    assert p is not None and judge(0.5, p) == "helps"


def claims(
    random: np.random.Generator, seeds: int, rows: int, sds: tuple[float, float], effect: float, scored: int
) -> list[str]:
    """What is said of the rows of a table, two to a task, whose true gain is `effect`."""
    lines: list[Line] = []
    for number in range(rows):
        task = f"t{number // 2}"
        for row, sd, true in ((f"ours-{number % 2}", sds[0], 0.7 + effect), ("base", sds[1], 0.7)):
            if row != "base" or number % 2 == 0:
                values = np.round((true + sd * random.normal(size=seeds)) * scored) / scored
                found = line(row, values.tolist(), scored=scored)
                lines.append(found | {"task": task, "against": None if row == "base" else "base"})
    means = {(x["task"], x["row"]): float(np.mean(x["values"])) for x in lines}
    return [
        judge(means[x["task"], x["row"]] - means[x["task"], "base"], p)
        for x, p in zip(lines, gain_ps(lines), strict=True)
        if x["against"]
    ]


@pytest.mark.parametrize(("seeds", "rows"), [(2, 1), (2, 4), (3, 1), (3, 8), (5, 4)])
@pytest.mark.parametrize(
    ("sds", "scored"),
    [((0.01, 0.01), 5000), ((0.002, 0.02), 5000), ((0.02, 0.002), 5000), ((0.01, 0.01), 40)],
)
def test_without_an_effect_helps_is_said_of_at_most_one_table_in_twenty(
    seeds: int, rows: int, sds: tuple[float, float], scored: int
) -> None:
    random = np.random.default_rng(seeds * 10 + rows)
    tables = [claims(random, seeds, rows, sds, 0.0, scored) for _ in range(300)]
    found = sum("helps" in said for said in tables)
    # 5 % of 300 are 15; a rule that is right at 5 % exceeds 25 once in 200 times. 2,500 draws: 0 to 4.7 %.
    assert found <= 25


@pytest.mark.parametrize(("seeds", "rows", "least"), [(3, 1, 0.55), (5, 1, 0.95), (5, 8, 0.6)])
def test_an_effect_of_three_sds_is_said(seeds: int, rows: int, least: float) -> None:
    random = np.random.default_rng(seeds)
    said = [one for _ in range(200) for one in claims(random, seeds, rows, (0.01, 0.01), 0.03, 5000)]
    assert said.count("helps") / len(said) > least and "hurts" not in said
