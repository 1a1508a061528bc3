"""One label in several spellings stops, merges or stays as asked; what means "no label" is no class."""

from __future__ import annotations

import unicodedata
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.progress import Reporter
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import read_task
from malmoi.tasks.invisible import revealed, visible
from malmoi.tasks.labels import spelling
from tests.tasks.test_task_data import error, nsmc, table
from tests.tiny.heard import Heard


def csv(labels: list[str], start: int = 0) -> str:
    rows = (f'영화 {start + i},"{label}"\n' for i, label in enumerate(labels))
    return "글,라벨\n" + "".join(rows)


def test_joined_tables_stop_with_what_is_the_same(tmp_path: Path) -> None:
    config = table(tmp_path, csv(["0", "1"] * 20 + ["0.0", "1.0"] * 10))
    found = error(config)
    assert (found.code, found.where) == ("MM0637", f"{tmp_path / 'train.csv'}:42")
    assert found.what == (
        "one label is spelled in several ways: '0' (20) = '0.0' (10); '1' (20) = '1.0' (10) "
        "(lines 42, 43, 44, 45, 46, … (20))"
    )
    assert found.do.startswith("to merge them: --set finetune.alike_labels=merge")


@pytest.mark.parametrize(
    ("one", "other", "shown"),
    [
        ("0", "0.0", "0.0"),
        ("1", "01", "01"),
        ("1", "+1e0", "+1e0"),
        ("True", "true", "true"),
        ("1", "１", "１"),
        ("좋음", "좋음\u200b", "좋음\\u200b"),
        ("아주 좋음", "아주\u00a0좋음", "아주\\xa0좋음"),
        ("아주 좋음", "아주  좋음", "아주  좋음"),
        ("좋음", "\ufeff좋음", "\\ufeff좋음"),
        ("좋음", "좋\u00ad음", "좋\\xad음"),
        ("A", "Ａ", "Ａ"),
        ("Straße", "STRASSE", "STRASSE"),
    ],
)
def test_every_way_to_spell_one_label_twice(one: str, other: str, shown: str, tmp_path: Path) -> None:
    labels = [one, "다른 것"] * 20 + [other] * 5
    found = error(table(tmp_path, csv(labels)))
    assert found.code == "MM0637"
    assert f"'{revealed(one)}' (20) = '{shown}' (5)" in found.what
    heard = Heard()
    config = table(tmp_path, csv(labels), test=csv([other, "다른 것"], 90))
    data = read_task(config.model_copy(update={"alike_labels": "merge"}), heard)
    assert set(data.labels) == {one, "다른 것"} and "tasks.merged" in heard.keys
    assert Counter(data.train.labels + data.dev.labels)[one] == 25
    assert data.test is not None and data.test.labels == [one, "다른 것"]
    kept = config.model_copy(update={"alike_labels": "keep"})
    assert set(read_task(kept, Heard()).labels) == {one, other, "다른 것"}


def test_another_spelling_in_the_test_file_stops_too(tmp_path: Path) -> None:
    found = error(table(tmp_path, csv(["0", "1"] * 20), test=csv(["0.0", "1.0"], 90)))
    assert (found.code, found.where) == ("MM0637", f"{tmp_path / 'test.csv'}:2")


def test_merged_labels_take_the_spelling_the_task_has(tmp_path: Path) -> None:
    rows = "".join(f"{i}\t영화 {i}\t{i % 2}.0\n" for i in range(40))
    config = nsmc(tmp_path, rows, "1\t좋다\t1\n2\t싫다\t0\n")
    assert error(config).code == "MM0637"
    data = read_task(config.model_copy(update={"alike_labels": "merge"}))
    assert data.labels == ("0", "1") and set(data.train.labels) == {"0", "1"}


def test_labels_that_only_look_alike_are_left_alone(tmp_path: Path) -> None:
    data = read_task(table(tmp_path, csv(["매우 좋음", "매우좋음", "좋음", "1", "10", "-1"] * 20)), Heard())
    assert len(data.labels) == 6


@pytest.mark.parametrize(
    "mark", ["", "nan", "NaN", "N/A", "#N/A", "None", "NULL", "<NA>", "\u200b", "\u00a0"]
)
def test_no_label_is_no_class(mark: str, tmp_path: Path) -> None:
    heard = Heard()
    data = read_task(table(tmp_path, csv(["좋음", "나쁨", mark] * 20), test=csv(["좋음"], 90)), heard)
    assert data.labels == ("나쁨", "좋음") and data.counts["train_unlabelled"] == 20
    code, values = heard.warned[0]
    assert (code, values["n"], values["total"]) == ("MM0638", 20, 60)
    assert values["lines"] == "4, 7, 10, 13, 16, … (20)"
    found = error(table(tmp_path, csv(["좋음", "나쁨"] * 20), test=csv(["좋음", mark], 90)))
    assert (found.code, found.where) == ("MM0605", f"{tmp_path / 'test.csv'}:3")


def test_a_mark_may_be_a_label_where_the_user_or_the_task_says_so(tmp_path: Path) -> None:
    config = table(tmp_path, csv(["None", "나쁨"] * 20))
    assert error(config).code == "MM0606"
    kept = read_task(config.model_copy(update={"missing": ()}), Reporter())
    assert kept.labels == ("None", "나쁨")
    small = read_task(table(tmp_path, csv(["none", "hate"] * 20)), Reporter())
    assert small.labels == ("hate", "none")


def test_the_advice_is_a_setting(tmp_path: Path) -> None:
    assert TaskConfig.model_validate({"alike_labels": "merge", "missing": []}).missing == ()


@given(st.text(max_size=8))
def test_a_spelling_is_one_under_what_it_leaves_aside(label: str) -> None:
    same = spelling(label)
    assert spelling(unicodedata.normalize("NFD", label)) == same
    assert spelling(f" {label}\u200b ") == same
    assert visible(visible(label)) == visible(label)


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=3))
def test_numbers_are_compared_exactly(value: Decimal) -> None:
    assert spelling(str(value)) == spelling(f"{value}000") == value
    assert spelling("10000000000000000000001") != spelling("10000000000000000000002")
