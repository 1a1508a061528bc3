"""Counts against plain loops over the arrays, whatever the size of the pieces they are read in."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import malmoi.shards.stats as stats
from malmoi.cli.main import run
from malmoi.shards import faults
from malmoi.shards.format import Shards
from malmoi.shards.stats import LONGEST, LengthCounts, count_shards
from tests.tiny.korean import DOCUMENTS


@pytest.mark.parametrize("at_once", [1, 7, 1_000_000])
def test_counts_are_those_of_loops(shards: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(stats, "AT_ONCE", at_once)
    monkeypatch.setattr(stats, "pieces", lambda array: faults.pieces(array, at_once))
    opened = Shards.open(shards)
    found = count_shards(opened, opened.train)
    ids = Counter(int(token) for part in opened.train for token in part.ids)
    assert {token: int(n) for token, n in enumerate(found.counts_V) if n} == ids
    assert (found.parts, found.documents, found.sentences) == (2, 17, 9 * 17)
    assert found.tokens == sum(ids.values())
    assert found.words == sum(len(s.split()) for d in DOCUMENTS[:17] for s in d)
    assert found.morphemes == found.words
    lengths = sorted(b - a for part in opened.train for a, b in pairwise(part.sentences.tolist()))
    told = found.sentence_lengths
    assert told["median"] == lengths[(len(lengths) + 1) // 2 - 1]
    assert (told["longest"], told["mean"]) == (lengths[-1], round(sum(lengths) / len(lengths), 2))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_quantiles_do_not_exceed_what_they_say(lengths: list[int]) -> None:
    found = LengthCounts()
    found.add(np.cumsum([0, *lengths]))
    told = found.told()
    for name, share in stats.QUANTILES.items():
        below = sum(length <= told[name] for length in lengths)
        assert below >= share * len(lengths)
        assert sum(length < told[name] for length in lengths) < share * len(lengths)


def test_endless_documents_count_as_the_longest_counted() -> None:
    found = LengthCounts()
    found.add(np.array([0, 5, 5 + 3 * LONGEST]))
    assert (found.told()["q99"], found.told()["longest"]) == (LONGEST, 3 * LONGEST)


def test_the_verb_tells_all_in_json_and_a_table(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "shards", "stats", str(shards)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    opened = Shards.open(shards)
    assert result["train"]["tokens"] == sum(len(part.ids) for part in opened.train)
    assert result["heldout"]["documents"] == 3
    assert [row["row_len"] for row in result["train"]["rows"]] == [128, 512]
    assert 60 < result["train"]["rows"][0]["real_percent"] <= 100
    counts = [count for _, count in result["commonest"]]
    assert counts == sorted(counts, reverse=True)
    used = {int(token) for part in opened.train for token in part.ids}
    assert result["unused"] == len(set(range(5, opened.vocab_size)) - used)
    assert run(["shards", "stats", str(shards), "--lang", "ko"]) == 0
    shown = capsys.readouterr().out
    assert "어절당 토큰" in shown
    assert "가장 흔한 토큰" in shown
