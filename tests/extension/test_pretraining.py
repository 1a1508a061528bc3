"""A masking and an objective by one line each: from the recipe to checkpoints, traces, rows and reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from malmoi.cli.pretrain import show
from malmoi.config import read_recipe
from malmoi.errors import MalmoiError
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.masking import MASKINGS, Draw
from malmoi.pretrain.data.packing import RowTable
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.objectives import OBJECTIVES, MlmConfig
from malmoi.report.row import make_row
from malmoi.report.source import make_source
from malmoi.report.write import write_report
from malmoi.shards.format import Shards
from malmoi.shards.part import STARTS_WORD
from malmoi.trace.run import trace
from tests.extension.swapped import SWAPPED, SwappedConfig
from tests.extension.whole_words import WHOLE_WORDS, WholeWordsConfig, mask
from tests.tiny.runs import MODEL, contents, train, training


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MASKINGS, "whole-words", WHOLE_WORDS)
    monkeypatch.setitem(OBJECTIVES, "swapped", SWAPPED)


def test_the_recipe_knows_them() -> None:
    words = "pretrain.objective.masking=whole-words"
    config, _ = read_recipe(None, RunConfig, [words, "pretrain.objective.masking.morphemes=true"])
    assert config.pretrain.objective == MlmConfig(masking=WholeWordsConfig(morphemes=True))
    config, _ = read_recipe(None, RunConfig, ["pretrain.objective=swapped", "pretrain.objective.weight=2"])
    assert config.pretrain.objective == SwappedConfig(weight=2.0)
    with pytest.raises(MalmoiError, match=r"MM0003.*'pretrain.objective.masking.morphemes'"):
        read_recipe(None, RunConfig, [words, "pretrain.objective.masking.morfemes=true"])
    with pytest.raises(MalmoiError, match=r"MM0004.*pretrain.objective.*'mlm', 'electra', 'swapped'"):
        read_recipe(None, RunConfig, ["pretrain.objective=shuffled"])


def test_words_are_masked_whole(shards: Path, tmp_path: Path) -> None:
    opened = Shards.open(shards)
    block = RowTable.open(opened.train, 32, tmp_path).fill(np.arange(20), 2, 3, 0)
    draw = Draw(np.arange(20), 0, 0.3, opened.special, opened.vocab_size)
    masked = mask(block, draw, WholeWordsConfig())
    words_RL = np.cumsum((block.flags_RL & STARTS_WORD) > 0, axis=1)
    cut = 0
    for r in range(20):
        chosen = set(masked.slots_RC[r, masked.weights_RC[r] > 0].tolist())
        text = [i for i in range(32) if block.ids_RL[r, i] > 4]
        for word in {int(words_RL[r, i]) for i in chosen}:
            whole = {i for i in text if words_RL[r, i] == word}
            cut += not whole <= chosen
    assert cut <= 20, "the last word of a row, at most"
    assert (masked.weights_RC.sum(1) > 3).all()


@pytest.mark.parametrize(
    "settings",
    [{"objective": {"name": "mlm", "masking": "whole-words"}}, {"objective": "swapped"}],
    ids=["masking", "objective"],
)
def test_a_run_learns_resumes_bit_by_bit_and_is_shown_everywhere(
    settings: dict[str, object], shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    often = {"steps": 60, "log_every": 5, "heldout_every": 30, "checkpoint_every": 30}
    settings = {"schedule": "constant", "warmup_steps": 3, **often, **settings}
    whole, parts = train(shards, tmp_path / "whole", **settings), tmp_path / "parts"
    for steps in (37, 60):
        train(shards, parts, **settings | {"steps": steps})
    last = "checkpoints/step-60/"
    assert {k: v for k, v in contents(whole).items() if k.startswith(last)} == {
        k: v for k, v in contents(parts).items() if k.startswith(last)
    }
    losses = [entry["loss"] for entry in read_journal(whole) if "loss" in entry]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])

    config = training(**settings)
    found = trace("할머니는 부엌에서 빵을 굽는다.", run=whole).masking
    assert found is not None and found.objective == config.objective.name
    swapped = config.objective.name == "swapped"
    assert all((seen.replaced is not None) == swapped for seen in found.tokens)
    row = make_row(make_source(RunConfig(pretrain=config, model=MODEL), Shards.open(shards)), 3)
    assert bool(sum(row.fates().values())) != swapped
    show(whole)
    write_report(whole, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert OBJECTIVES[config.objective.name].title in page
    assert ("Accuracy on masked tokens" in page or "가린 토큰의 정확도" in page) and "<svg" in page
    shown = capsys.readouterr()
    assert f"{losses[-1]:.3f}" in shown.out + shown.err


def test_counts_need_a_masked_lm(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match=r"MM0516.*objective swapped has no masked language model") as error:
        train(shards, tmp_path / "run", objective="swapped", weight_init="cooccurrence")
    assert error.value.why.endswith("Objectives with a masked language model: mlm, electra.")
    assert not (tmp_path / "run").exists()
