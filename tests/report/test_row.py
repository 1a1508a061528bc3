"""A shown row against the batch of training it stands for."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi import messages
from malmoi.cli.main import run as malmoi
from malmoi.pretrain.build import HELDOUT_RATE
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import Mlm, MlmCollator
from malmoi.pretrain.run import pretrain
from malmoi.report.row import Row, make_row
from malmoi.report.source import BatchSource, make_source
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.shards.format import Shards
from malmoi.special import SpecialIds
from malmoi.tokenizer import load_tokenizer
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import TEXT
from tests.tiny.runs import MODEL, training


@pytest.fixture(scope="module")
def shards(whole: Path) -> Shards:
    return Shards.open(whole / "shards")


def _source(shards: Shards, **changes: object) -> BatchSource:
    return make_source(RunConfig(pretrain=training(**changes), model=MODEL), shards)


def _text(row: Row) -> list[tuple[str, bool]]:
    """Eojeols of the row as text, and whether each begins within the row."""
    found: list[tuple[str, bool]] = []
    for token in row.tokens:
        if token.original in ("[CLS]", "[SEP]"):
            continue
        if token.starts_word or not found:
            found.append(("", token.starts_word))
        found[-1] = (found[-1][0] + token.original.removeprefix("##"), found[-1][1])
    return found


def test_masked_lm_row_is_the_batch(shards: Shards) -> None:
    source = _source(shards)
    fates = {"masked": 0, "random": 0, "kept": 0}
    for number in range(60):
        row = make_row(source, number)
        batch = source.feed.one(number)
        ids = batch.text.ids_T.numpy()[: batch.tokens]
        assert [token.text for token in row.tokens] == source.tokenizer.tokens(ids)
        assert [token.original for token in row.tokens] == source.tokenizer.tokens(
            source.feed.block(np.array([number])).ids_RL[0, : batch.tokens]
        )
        slots = batch.slots_M[batch.weights_M > 0].tolist()
        assert sorted(slots) == [i for i, token in enumerate(row.tokens) if token.fate]
        assert all(token.text == token.original for token in row.tokens if token.fate in ("", "kept"))
        assert all(token.text == "[MASK]" for token in row.tokens if token.fate == "masked")
        assert all(token.text != token.original for token in row.tokens if token.fate == "random")
        fates = {name: fates[name] + n for name, n in row.fates().items()}
    total = sum(fates.values())
    assert 0.7 < fates["masked"] / total < 0.9
    assert fates["random"] and fates["kept"]


def test_word_starts_are_those_of_the_text(shards: Shards, whole: Path) -> None:
    texts = [path.read_text("utf-8") for path in (whole / "corpus").glob("part-*.txt")]
    eojeols = {eojeol for text in texts for eojeol in text.split()}
    source = _source(shards)
    for number in range(20):
        shown = _text(make_row(source, number))
        # Where a row cuts a sentence, its last eojeol and the next row's first may be pieces.
        assert {eojeol for eojeol, whole_ in shown[:-1] if whole_} <= eojeols


def test_pairs_and_echoes_keep_their_flags(shards: Shards) -> None:
    source = _source(shards, segment_pair_rate=0.5, copy_rate=0.5)
    (part,) = shards.train
    # The same rows with each token's place in the part instead of its id.
    table = copy(source.feed.table)
    table.parts = [replace(part, ids=np.arange(len(part.ids)))]
    places_feed = replace(source.feed, table=table, special=SpecialIds(-1, -1, -1, -1, -1))
    seen = set()
    for number in range(30):
        row = make_row(source, number)
        batch = source.feed.one(number)
        segments = [s.segment for s in row.segments for _ in s.tokens]
        assert segments == batch.text.segments_T[: batch.tokens].tolist()
        places = places_feed.block(np.array([number])).ids_RL[0, : batch.tokens]
        for token, place in zip(row.tokens, places.tolist(), strict=True):
            flag = part.flags[place] if place >= 0 else 0
            assert (token.starts_word, token.starts_morpheme) == (bool(flag & 1), bool(flag & 2))
            if place >= 0:
                assert token.original == source.tokenizer.tokens(part.ids[place : place + 1])[0]
        seen |= {s.segment for s in row.segments}
    assert seen == {0, 1}


def test_electra_rows_have_no_random_tokens(shards: Shards) -> None:
    row = make_row(_source(shards, objective="electra"), 3)
    batch = _source(shards, objective="electra").feed.one(3)
    assert row.fates()["random"] == 0
    masked = batch.masked_ids_T[: batch.tokens] != batch.text.ids_T[: batch.tokens]
    assert row.fates()["masked"] == int(torch.count_nonzero(masked))


def test_the_verb_shows_what_a_run_saw(
    whole: Path, shards: Shards, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = training(steps=2, copy_rate=0.5, seed=11, mask_rate=0.2)
    fed: dict[int, list[int]] = {}

    class Collator(MlmCollator):
        def __call__(self, block: RowBlock, rows_R: np.ndarray, seed: int, rate: float) -> MaskedBatch:
            made = super().__call__(block, rows_R, seed, rate)
            if rate != HELDOUT_RATE:
                rows = made.text.ids_T.reshape(len(rows_R), -1).tolist()
                fed.update(zip(rows_R.tolist(), rows, strict=True))
            return made

    class Watched(Mlm):
        collator_class = Collator

    pretrain(config, MODEL, whole / "shards", tmp_path / "run", objective=Watched)
    words = ["shards", "show", str(whole / "shards"), "3", "--run", str(tmp_path / "run"), "--step", "2"]
    assert malmoi(["--json", *words]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["row"] == 8 + 3
    shown = [token["text"] for segment in result["segments"] for token in segment["tokens"]]
    assert shown == load_tokenizer(whole / "tokenizer").tokens(fed[11][: result["tokens"]])
    assert malmoi([*words, "--lang", "ko"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("11번 행 · part-00000[")
    assert "\x1b" not in printed
    assert "1A [CLS] " in printed
    messages.set_language("en")
    assert malmoi([*words[:3], "8", *words[4:]]) == 2
    assert "MM0315" in capsys.readouterr().err
    assert malmoi([*words, "--seed", "1"]) == 2
    assert "MM0316 --seed cannot go with --run" in capsys.readouterr().err


def test_other_shards_than_the_runs_are_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    with pytest.warns(UserWarning, match="MM0307"):
        build_shards(ShardsConfig(), corpus, whole / "tokenizer", tmp_path / "shards")
    run = whole / "pretrain" / "mlm"
    assert malmoi(["shards", "show", str(tmp_path / "shards"), "0", "--run", str(run)]) == 2
    shown = capsys.readouterr().err
    assert f"MM0314 {tmp_path}/shards" in shown
    assert f"malmoi shards show {whole}/shards 0 --run {run}" in shown


def test_settings_without_a_run(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards = str(whole / "shards")
    words = ["shards", "show", shards, "2", "--row-len", "40", "--objective", "electra", "--seed", "5"]
    assert malmoi(["--json", *words]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    expected = make_row(_source(Shards.open(whole / "shards"), row_len=40, objective="electra", seed=5), 2)
    assert (result["place"], result["masked"]) == (expected.place, expected.fates()["masked"])
    settings = ["--set", "pretrain.objective.masking=published", "--set", "pretrain.mask_rate=0.4"]
    assert malmoi(["--json", "shards", "show", shards, "2", *settings]) == 0
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    objective = {"name": "mlm", "masking": "published"}
    config = PretrainConfig.model_validate({"objective": objective, "mask_rate": 0.4})
    wanted = make_row(make_source(RunConfig(pretrain=config, model=MODEL), Shards.open(shards)), 2)
    assert {name: shown[name] for name in ("masked", "random", "kept")} == wanted.fates()
    assert malmoi(["shards", "show", shards, "2", "--objective", "bart"]) == 2
    assert "it should be one of 'mlm', 'electra'" in capsys.readouterr().err
    assert malmoi(["shards", "show", shards, "2", "--step", "1"]) == 2
    assert "MM0316" in capsys.readouterr().err
