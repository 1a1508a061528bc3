"""Pretrainings that differ in nothing but the seed are one row, and its spread is theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from malmoi.cli.console import Console, use_console
from malmoi.cli.league import show
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.league.entries import entries
from malmoi.league.run import league

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def three(pretraining: Make) -> dict[str, Path]:
    return {f"작은-{seed}": pretraining(f"small-{seed}", (4,), seed=seed) for seed in range(3)}


def pools(checkpoints: dict[str, Path]) -> dict[str, str]:
    rows = entries(checkpoints, no_pretraining=False, characters=False)
    return {row.name: row.pool for row in rows}


def changed(run: Path, **settings: Any) -> Path:
    file = run / "manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    manifest["config"]["pretrain"] |= settings
    file.write_text(json.dumps(manifest), "utf-8")
    return run


def test_the_seed_alone_may_differ(three: dict[str, Path], pretraining: Make) -> None:
    assert set(pools(three).values()) == {"작은"}
    step = next(iter(three.values())) / "checkpoints" / "step-4"
    assert pools({"a-0": step, "a-1": three["작은-1"]}) == {"a-0": "a", "a-1": "a"}, (
        "a checkpoint of a run too"
    )
    other = changed(pretraining("lr", (4,), seed=7), lr=3e-3)
    assert pools({**three, "작은-lr": other})["작은-lr"] == ""
    further = pretraining("further", (4, 8), seed=8)
    assert pools({**three, "더": further})["더"] == "", "stopped at another step"
    twice = pretraining("twice", (4,), seed=2)
    assert set(pools({**three, "또": twice}).values()) == {""}, "two of one seed differ in something untold"
    assert pools({"하나": three["작은-0"]}) == {"하나": ""}
    threads = changed(pretraining("threads", (4,), seed=9), threads=7)
    assert pools({**three, "작은-9": threads})["작은-9"] == "작은", "how it was computed changes nothing"
    unknown = changed(pretraining("unknown", (4,), seed=10), nonsense=1)
    assert pools({**three, "옛": unknown})["옛"] == "", "another version's settings"


@pytest.mark.parametrize(
    ("names", "pool"),
    [
        (["plain-0", "plain-1"], "plain"),
        (["bert.seed-10", "bert.seed-11"], "bert"),
        (["bert-s1", "bert-s2"], "bert"),
        (["v2-0", "v2-1"], "v2"),
        (["bert-v2", "bert-v3"], "bert-v2 … bert-v3"),
        (["wiki", "wiki-2"], "wiki … wiki-2"),
        (["0", "1"], "0 … 1"),
        (["가", "나"], "가 … 나"),
    ],
)
def test_what_a_pool_is_called(three: dict[str, Path], names: list[str], pool: str) -> None:
    assert set(pools(dict(zip(names, three.values(), strict=False))).values()) == {pool}


def test_the_table_has_their_spread_and_the_gain_goes_by_it(
    three: dict[str, Path],
    pretraining: Make,
    three_tasks: list[FinetuneConfig],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoints = {**three, "홀로": pretraining("alone", (4,), layers=2)}
    config = LeagueConfig(seeds=2, characters=False)
    lines = {line.row: line for line in league(config, three_tasks[2:], checkpoints, tmp_path / "league")}
    assert set(lines) == {"작은", "홀로", "no-pretraining-1x16", "no-pretraining-2x16"}
    pool, base, alone = lines["작은"], lines["no-pretraining-1x16"], lines["홀로"]

    def scores(row: str) -> list[float]:
        cells = sorted((tmp_path / "league/cells" / row / "닮은 정도").iterdir())
        return [json.loads((cell / "scores.json").read_text("utf-8"))["test"]["spearman"] for cell in cells]

    each = [scores(name) for name in three]
    assert [len(found) for found in each] == [2, 2, 2]
    assert pool.values == pytest.approx([np.mean(found) for found in each])
    assert (pool.pooled, pool.n, pool.tunings) == (list(three), 3, 2)
    assert (pool.mean, pool.sd) == (pytest.approx(np.mean(each)), pytest.approx(np.std(pool.values, ddof=1)))
    assert (base.values, base.n) == (scores("no-pretraining-1x16"), 3), "one for each pretraining"
    assert (alone.pooled, alone.n, alone.tunings) == ([], 2, 1) and lines["no-pretraining-2x16"].n == 2
    raw = [
        stats.ttest_ind(a.values, b.values, equal_var=False).pvalue
        for a, b in ((pool, base), (alone, lines["no-pretraining-2x16"]))
    ]
    assert sorted(p for p in (pool.p, alone.p) if p is not None) == pytest.approx(
        sorted([min(1.0, 2 * min(raw)), max(max(raw), min(1.0, 2 * min(raw)))]), abs=1e-4
    )
    use_console(Console("text"))
    show(tmp_path / "league")
    told = capsys.readouterr()
    assert "3 × 2" in told.out
    assert "작은: 3 pretrainings (작은-0, 작은-1, 작은-2), each fine-tuned 2×; ±" in told.out + told.err
