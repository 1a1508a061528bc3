"""Each fault in the arrays is found with its place, across the borders of the pieces they are read in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from malmoi.errors import MalmoiError
from malmoi.shards import faults
from malmoi.shards.faults import check_part, pieces
from malmoi.shards.part import Part

PART = Part(
    "part-00000",
    ids=np.array([5, 6, 7, 5, 9, 6], np.uint16),
    flags=np.array([3, 0, 3, 3, 0, 3], np.uint8),
    sentences=np.array([0, 2, 3, 5, 6]),
    documents=np.array([0, 3, 6]),
)


def _fault(part: Part, *, analyzed: bool = False) -> MalmoiError:
    with pytest.raises(MalmoiError) as error:
        check_part(Path("p"), part, 10, analyzed=analyzed)
    return error.value


@pytest.mark.parametrize("at_once", [1, 2, 100])
@pytest.mark.parametrize(
    ("name", "at", "value", "where", "detail"),
    [
        ("sentences", 2, 2, "p/sentences.npy", "sentences[2] = 2 <= 2"),
        ("sentences", 3, 1, "p/sentences.npy", "sentences[3] = 1 <= 3"),
        ("documents", 1, 4, "p/documents.npy", "documents[1] = 4 ∉ sentences"),
        ("flags", 3, 0, "p/flags.npy", "flags[3] = 0, sentences[2] = 3"),
        ("flags", 4, 1, "p/flags.npy", "flags[4] = 1 ∉ [0, 3]"),
        ("flags", 4, 2, "p/flags.npy", "flags[4] = 2 ∉ [0, 3]"),
        ("flags", 1, 7, "p/flags.npy", "flags[1] = 7 ∉ [0, 3]"),
    ],
)
def test_first_fault(
    monkeypatch: pytest.MonkeyPatch, at_once: int, name: str, at: int, value: int, where: str, detail: str
) -> None:
    monkeypatch.setattr(faults, "AT_ONCE", at_once)
    monkeypatch.setattr(faults, "pieces", lambda array: pieces(array, at_once))
    array = getattr(PART, name).copy()
    array[at] = value
    error = _fault(replace(PART, **{name: array}))
    assert (error.code, error.where, error.values["detail"]) == ("MM0302", where, detail)


def test_an_id_beyond_the_vocabulary() -> None:
    ids = PART.ids.copy()
    ids[4] = 10
    error = _fault(replace(PART, ids=ids))
    assert (error.code, error.where) == ("MM0303", "p/ids.npy[4]")


def test_morphemes_inside_eojeols_where_an_analyzer_cut_them() -> None:
    flags = PART.flags.copy()
    flags[1] = 2
    check_part(Path("p"), replace(PART, flags=flags), 10, analyzed=True)
    flags[1] = 1  # an eojeol that starts no morpheme
    assert _fault(replace(PART, flags=flags), analyzed=True).values["detail"] == "flags[1] = 1 ∉ [0, 2, 3]"


def test_a_sound_part() -> None:
    check_part(Path("p"), PART, 10, analyzed=False)
