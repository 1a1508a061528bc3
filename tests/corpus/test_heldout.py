"""What is held out is near the share that was asked for, however few and long the documents are."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.heldout import HASHES, repeated_in_training, write_hashes
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.corpus.units import BRIM, LONG, PIECE, cut_pieces
from tests.corpus.conftest import Build

WORDS = (
    *("강물", "바람", "느티나무", "골목", "저녁", "아이", "편지", "구름"),
    *("마당", "들판", "기차", "우산", "시장", "언덕", "바다", "노래"),
)


def sentences(count: int, seed: int) -> list[str]:
    """All of them different."""
    drawn = random.Random(seed)
    return [f"{' '.join(drawn.choices(WORDS, k=7))} 곁에 {number}번째로 섰다." for number in range(count)]


def sides(folder: Path) -> tuple[str, str]:
    train, held = (
        "\n\n".join(part.read_text("utf-8").rstrip("\n") for part in parts)
        for parts in (training_parts(folder), heldout_parts(folder))
    )
    return train, held


def test_a_share_of_three_long_documents(tmp_path: Path, build: Build) -> None:
    novels = [sentences(8_000, seed) for seed in range(3)]
    paragraphs = [[" ".join(lines[at : at + 12]) for at in range(0, len(lines), 12)] for lines in novels]
    (tmp_path / "novels.txt").write_text("\n\n".join("\n".join(novel) for novel in paragraphs), "utf-8")
    _, folder = build(tmp_path / "novels.txt", heldout=0.05)
    train, held = sides(folder)
    assert 0.03 < len(held) / (len(train) + len(held)) < 0.07
    # In order, nothing lost, nothing twice.
    kept, away = (side.replace("\n\n", "\n").split("\n") for side in (train, held))
    assert sorted(kept + away) == sorted(line for novel in novels for line in novel)
    order = {line: place for place, line in enumerate(line for novel in novels for line in novel)}
    assert [order[line] for line in kept] == sorted(order[line] for line in kept)
    # A cut stands at a paragraph.
    heads = {line for novel in novels for line in novel[::12]}
    assert {document.split("\n")[0] for document in (train + "\n\n" + held).split("\n\n")} <= heads


def test_much_more_than_was_asked_for_is_said(tmp_path: Path, build: Build) -> None:
    """Two documents, too short to be cut: half of the text at least."""
    both = ["\n".join(sentences(300, seed)) for seed in (8, 9)]
    (tmp_path / "two.txt").write_text("\n\n".join(both), "utf-8")
    assert max(map(len, both)) < LONG
    with pytest.warns(UserWarning, match="MM0133") as heard:
        _, folder = build(tmp_path / "two.txt", heldout=0.01)
    train, held = sides(folder)
    share = len(held.replace("\n", "")) / len((train + held).replace("\n", ""))
    assert share > 0.3 and f"{share:.0%}" in str(heard[0].message)


def test_a_share_of_one_paragraph(tmp_path: Path, build: Build) -> None:
    (tmp_path / "one.txt").write_text(" ".join(sentences(12_000, 3)), "utf-8")
    _, folder = build(tmp_path / "one.txt", heldout=0.1)
    train, held = sides(folder)
    assert 0.06 < len(held) / (len(train) + len(held)) < 0.14
    assert train.count("\n") + held.count("\n") > 11_000


def test_a_long_document_is_cut_the_same_in_any_corpus(tmp_path: Path, build: Build) -> None:
    (tmp_path / "a.txt").write_text("\n".join(sentences(3_000, 4)), "utf-8")
    (tmp_path / "b.txt").write_text("\n\n".join(sentences(300, 5)), "utf-8")
    alone = sides(build(tmp_path / "a.txt", out="alone", heldout=0.1)[1])[1]
    among = sides(build(tmp_path / "b.txt", tmp_path / "a.txt", out="among", heldout=0.1, slice_mb=0.05)[1])[
        1
    ]
    assert alone.count("\n") > 100
    assert set(alone.split("\n")) <= set(among.split("\n"))


@given(st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=150))
def test_pieces_are_of_a_size(drawn: list[tuple[int, bool]]) -> None:
    chars = np.array([size for size, _ in drawn], np.int64)
    paragraphs = np.cumsum([new for _, new in drawn]).astype(np.int64)
    starts = cut_pieces(chars, paragraphs)
    assert starts[0] == 0 and (np.diff(starts) > 0).all() and starts[-1] < len(chars)
    sizes = np.add.reduceat(chars, starts)
    if chars.sum() < LONG:
        assert len(starts) == 1
    else:
        assert (sizes[:-1] >= PIECE).all() and (sizes[:-1] < BRIM + 900).all()
        assert sizes[-1] >= PIECE // 2
    for start in starts[1:]:  # inside a paragraph only where the piece was full to the brim
        if paragraphs[start] == paragraphs[start - 1]:
            before = chars[starts[np.searchsorted(starts, start) - 1] : start].sum()
            assert before >= BRIM


def test_a_cut_stands_at_a_paragraph_or_else_at_a_sentence() -> None:
    chars = np.full(220, 100, np.int64)
    assert cut_pieces(chars, np.arange(220) // 40).tolist() == [0, 40, 80, 120, 160, 200]
    assert cut_pieces(chars, np.zeros(220, np.int64)).tolist() == [0, 50, 100, 150, 200]
    assert cut_pieces(chars, np.arange(220)).tolist() == [0, 25, 50, 75, 100, 125, 150, 175, 200]
    assert cut_pieces(chars[:210], np.arange(210))[-1] == 175  # ten sentences are no piece
    assert cut_pieces(chars[:199], np.arange(199)).tolist() == [0]


def test_repeats_are_counted_over_all_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = random.Random(0)
    held, trained = ([str(drawn.randrange(40)) for _ in range(200)] for _ in range(2))
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        for side, lines in (("heldout", held), ("train", trained)):
            write_hashes(
                folder / f"{side}.{HASHES}", "\n".join(lines[number * 50 : number * 50 + 50]).encode()
            )
    folders = [tmp_path / str(number) for number in range(4)]
    expected = sum(line in set(trained) for line in held)
    assert repeated_in_training(folders) == expected
    monkeypatch.setattr("malmoi.corpus.heldout.TASK_RECORDS", 7)  # many ranges of hashes
    assert repeated_in_training(folders) == expected


def test_held_out_sentences_that_stand_in_training_are_said(tmp_path: Path, build: Build) -> None:
    refrain = ["그는 말없이 고개를 끄덕였다고 한다.", "아무도 대답하지 않았다고 적혀 있다."]
    documents = ["\n".join([line, *refrain]) for line in sentences(60, 6)]
    (tmp_path / "a.txt").write_text("\n\n".join(documents), "utf-8")
    with pytest.warns(UserWarning, match="MM0131"):
        _, folder = build(tmp_path / "a.txt", heldout=0.1, dedup_sentences=False, boilerplate=0)
    train, held = ({*side.split("\n")} - {""} for side in sides(folder))
    written = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["write"]["heldout"]
    assert written["in_training"] == 2 * written["documents"] > 0
    assert held & train == set(refrain)


def test_with_sentences_kept_once_nothing_is_compared(tmp_path: Path, build: Build) -> None:
    (tmp_path / "a.txt").write_text("\n\n".join(sentences(60, 7)), "utf-8")
    _, folder = build(tmp_path / "a.txt", heldout=0.1)
    written = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["write"]["heldout"]
    assert "in_training" not in written and written["documents"] > 0
