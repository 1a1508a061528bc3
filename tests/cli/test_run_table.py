"""`malmoi run` on a person's own table, from a few sentences to answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.cli.main import run

RECIPE = """
out = "run"
ask = ["누나는 어제 시장에서 사과를 샀다"]
[corpus]
inputs = ["text.txt"]
heldout = 0.1
[tokenizer]
vocab_size = 100
[model]
layers = 1
hidden = 32
heads = 2
[pretrain]
steps = 4
row_len = 32
batch_size = 4
heldout_every = 4
checkpoint_every = 4
threads = 1
device = "cpu"
[finetune]
train = "내 표.csv"
text = ["글"]
label = "때"
epochs = 1
evals = 1
seed = 3
threads = 1
device = "cpu"
[league]
seeds = 1
characters = false
"""


def test_an_own_table_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    who = ["누나는", "친구는", "이웃은", "기자는", "의사는"]
    what = ["시장에서 사과를 샀다", "공원을 오래 걸었다", "편지를 다시 읽었다", "강가에서 쉬었다"]
    sentences = [(f"{w} {when} {done}", when) for when in ("어제", "주말에") for w in who for done in what]
    (tmp_path / "text.txt").write_text("\n\n".join(f"{s}." for s, _ in sentences) + "\n", "utf-8")
    (tmp_path / "내 표.csv").write_text("글,때\n" + "\n".join(",".join(s) for s in sentences), "utf-8")
    (tmp_path / "recipe.toml").write_text(RECIPE, "utf-8")
    code = run(["run", "recipe.toml", "--workers", "1", "--json"])
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0, seen[-1]
    (answers,) = [e for e in seen if e["event"] == "table" and "probability" in e["columns"]]
    ((text, label, _),) = answers["rows"]
    assert text == "누나는 어제 시장에서 사과를 샀다" and label in ("어제", "주말에")
    assert (tmp_path / "run" / "league" / "cells" / "pretrained" / "내 표" / "seed-3" / "model").is_dir()
