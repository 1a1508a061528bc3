"""UTF-8 that was read as CP949 is no Korean, however much of it is Hangul."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import polars as pl
import pytest

from malmoi.corpus.characters import line_counts
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.refine import COUNTS, refine_block
from malmoi.errors import MalmoiError
from malmoi.readers.mojibake import misread, misread_texts, rare_syllables
from tests.corpus.conftest import NEWS, Build

WHOLE = [
    "어떻게 이렇게 오래 걸릴 수가 있는지 모르겠다.",
    "뷁뷁 하핳 뙇 그랬쟎아 봣냐 펲시 마셧뜸",  # syllables that KS X 1001 does not have
    "孔子는 學而時習之면 不亦說乎아라고 하였다.",  # hanja beside Hangul
    "뷁이라는 말은 漢字로 쓸 수 없다.",
    "ᄒᆞᆫ 글과 똠방각하, 펩시콜라, 쓩쓩",
]


def damaged(text: str) -> str:
    """As an editor saves it that takes UTF-8 for CP949 and leaves out what it cannot read."""
    return text.encode().decode("cp949", "ignore")


def found(lines: list[str]) -> list[bool]:
    counts = line_counts("\n".join(lines))
    rare, hangul = (pl.Series(counts[name]) for name in ("rare", "hangul"))
    return misread(pl.Series(lines), rare, hangul).to_list()


def test_syllables_that_ks_x_1001_lacks() -> None:
    table = rare_syllables()
    assert table.sum() == 8_822
    assert [char for char in "가힝뷁봣똠힣漢a" if table[ord(char)]] == ["뷁", "봣", "똠", "힣"]
    assert line_counts("뷁 봣어\n없다\n똠")["rare"].tolist() == [2, 0, 1]


def test_whole_text_is_left_alone() -> None:
    assert not any(found(WHOLE))


def test_damaged_text_is_recognised() -> None:
    sentences = NEWS.replace("\n", " ").split(". ")
    missed = [sentence for sentence in sentences if not found([damaged(sentence)])[0]]
    assert (len(sentences), missed) == (8, ["예산은 모두 12억 원이다"])  # of one word the hanja were lost


@pytest.mark.parametrize("errors", ["ignore", "replace"])
@pytest.mark.parametrize("name", ["boddari_cc", "comments_kocohub", "kowiki", "nsmc_reviews"])
def test_real_text(name: str, errors: str, shared_data: Path) -> None:
    with lzma.open(shared_data / "corpus" / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
        text = stream.read(200_000)

    def left(text: str) -> tuple[int, int]:
        """Sentences kept, and dropped as misread."""
        ledger, counts = Ledger(0), dict.fromkeys(COUNTS, 0)
        return len(refine_block(text, CorpusConfig(), ledger, counts)), ledger.dropped["misread"]

    kept, alarms = left(text)
    assert alarms <= kept / 10_000
    assert left(text.encode().decode("cp949", errors))[0] < 0.02 * kept


def test_a_build_drops_it_with_its_file_and_says_so(tmp_path: Path, build: Build) -> None:
    lines = [f"{number}번째 손님이 가게 앞에서 오래 기다렸다고 한다." for number in range(12)]
    (tmp_path / "whole.txt").write_text("\n".join(lines), "utf-8")
    (tmp_path / "odd.txt").write_text("\n".join(map(damaged, lines)), "utf-8")
    with pytest.warns(UserWarning, match=r"MM0130 .*odd\.txt: 12 "):
        documents, folder = build(tmp_path / "odd.txt", tmp_path / "whole.txt")
    assert documents == [lines]
    dropped = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["clean"]["dropped"]
    assert dropped["misread"]["count"] == 12
    assert {sample["file"] for sample in dropped["misread"]["samples"]} == {str(tmp_path / "odd.txt")}


def test_where_nothing_else_is_left_the_advice_is_the_original_file(tmp_path: Path, build: Build) -> None:
    lines = [f"{number}번째 손님이 가게 앞에서 오래 기다렸다고 한다." for number in range(12)]
    (tmp_path / "odd.txt").write_text("\n".join(map(damaged, lines)), "utf-8")
    with pytest.raises(MalmoiError, match="MM0130") as caught:
        build(tmp_path / "odd.txt")
    assert "original" in caught.value.do


def test_a_quotation_is_dropped_without_a_warning(
    tmp_path: Path, build: Build, recwarn: pytest.WarningsRecorder
) -> None:
    quoted = damaged("어떻게 이렇게 오래 걸릴 수가 있나요?")
    (tmp_path / "a.txt").write_text(f"메일 제목이 이렇게 왔다고 한다.\n{quoted}", "utf-8")
    documents, _ = build(tmp_path / "a.txt")
    assert documents == [["메일 제목이 이렇게 왔다고 한다."]]
    assert not [warning for warning in recwarn if "MM0130" in str(warning.message)]


def test_texts_of_a_table_are_counted_by_the_same_rule() -> None:
    texts = [*WHOLE, *map(damaged, WHOLE), damaged(NEWS), "", "\ud800"]
    lines = pl.Series([text.replace("\ud800", "") for text in texts])
    counts = [
        (sum(bool(rare_syllables()[ord(c)]) for c in t), sum("가" <= c <= "힣" for c in t)) for t in lines
    ]
    rare, hangul = (pl.Series(column) for column in zip(*counts, strict=True))
    assert misread_texts(texts) == misread(lines, rare, hangul).sum() >= 4
    assert misread_texts(WHOLE) == misread_texts([]) == 0
