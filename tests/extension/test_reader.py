"""A reader by one line: from files of its format to a corpus, and to a task's rows."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from malmoi.config import read_recipe
from malmoi.corpus.config import CorpusConfig
from malmoi.errors import MalmoiError
from malmoi.pipeline.recipe import Recipe
from malmoi.readers import READERS
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import read_task
from malmoi.tasks.table import open_table
from tests.extension.ini import INI
from tests.tiny.corpus import build
from tests.tiny.heard import Heard

REVIEWS = """; 후기
[첫째]
글 = 정말 재미있게 본 영화입니다
라벨 = 1

[둘째]
글=시간이 아까운 영화였습니다
라벨=0
"""
TORN = "[셋째]\n줄바꿈 없는 값\n글 = 다시 보고 싶은 영화입니다\n"


@pytest.fixture(autouse=True)
def ini(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, "ini", INI)


def test_a_recipe_may_name_it() -> None:
    assert read_recipe(None, Recipe, ["corpus.format=ini", "out=x"])[0].corpus == CorpusConfig(format="ini")
    with pytest.raises(MalmoiError, match="'auto', 'txt', 'jsonl', 'csv', 'tsv', 'ini'"):
        read_recipe(None, Recipe, ["corpus.format=inn", "out=x"])


def test_a_corpus_of_it(tmp_path: Path) -> None:
    files = [tmp_path / "a.ini", tmp_path / "b.ini.gz"]
    files[0].write_text(REVIEWS, "cp949")
    files[1].write_bytes(gzip.compress(TORN.encode()))
    with pytest.raises(MalmoiError) as caught:
        build(tmp_path / "corpus", *files, text="글")
    assert (caught.value.code, caught.value.where) == ("MM0108", f"{files[1]}:2")
    with pytest.warns(UserWarning, match=r"MM0114.*b\.ini\.gz:2"):
        documents = build(tmp_path / "corpus", *files, text="글", on_bad_file="skip", min_chars=5)
    assert documents == [
        ["정말 재미있게 본 영화입니다"],
        ["시간이 아까운 영화였습니다"],
        ["다시 보고 싶은 영화입니다"],
    ]
    files = json.loads((tmp_path / "corpus" / "audit.json").read_text("utf-8"))["files"]
    assert [file["format"] for file in files] == ["ini", "ini"]
    assert [file["bad_rows"] for file in files] == [[], [[2, "neither [section] nor key = value"]]]


def test_a_task_of_it(tmp_path: Path) -> None:
    path = tmp_path / "train.ini"
    path.write_text("".join(REVIEWS.replace("영화", f"영화 {n}") for n in range(20)), "utf-8")
    table = open_table(path)
    assert table.columns == ("section", "글", "라벨") and table.count == 40
    assert list(table.rows())[1] == (6, ["둘째", "시간이 아까운 영화 0였습니다", "0"])
    data = read_task(TaskConfig(train=path, text=("글",), label="라벨"), Heard())
    assert (data.labels, len(data.train), len(data.dev)) == (("0", "1"), 36, 4)
    path.write_text(REVIEWS + TORN, "utf-8")
    with pytest.raises(MalmoiError) as caught:
        read_task(TaskConfig(train=path, text=("글",), label="라벨"), Heard())
    assert (caught.value.code, caught.value.where) == ("MM0650", f"{path}:10")
    assert "neither [section] nor key = value" in caught.value.what
