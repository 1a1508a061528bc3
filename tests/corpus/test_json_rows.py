"""JSON lines: the text of each, and every way in which a line can fail."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import MalmoiError
from malmoi.readers.choose import format_seen
from tests.corpus.conftest import Build, rows

DEEP = '{"a": ' + "[" * 100_000
GOOD = '{"text": "멀쩡한 줄입니다."}'


def test_jsonl_finds_its_text() -> None:
    assert rows('{"id": 1, "text": "하나\\n둘"}\n\n{"text": "셋"}\n', "jsonl") == ["하나\n둘", "셋"]


def test_jsonl_with_half_a_surrogate(tmp_path: Path, build: Build) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "반쪽 \\ud83d 글자가 들어 있는 줄입니다."}\n{"text": "온전한 줄도 하나 있습니다."}\n',
        "utf-8",
    )
    assert build(path)[0] == [["온전한 줄도 하나 있습니다."]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "잘린 줄', "it is not JSON: Unterminated string"),
        ('{"n": ' + "9" * 5_000 + ', "text": "글"}', "too many digits"),
        (DEEP, "nested too deep"),
        (DEEP + "]" * 100_000 + ', "text": "글"}', "nested too deep"),
        ('[{"text": "글"}]', "a JSON list"),
        ("3", "not an object (int)"),
        ("NaN", "not an object (float)"),
        ('{"text": NaN}', "'text' is not text (float)"),
        ('{"text": ["글"]}', "'text' is not text (list)"),
        ('{"body": "글"}', "there is no 'text'"),
        ('{"text": "글", "text": "다른 글"}', "'text' appears twice"),
        ('{"text": "글\t"}', "it is not JSON: Invalid control character"),
        ('{"\\ud83d": 1}', "there is no 'text'"),
    ],
    ids=lambda value: value[:24],
)
def test_every_way_a_line_can_fail_is_a_bad_row(line: str, reason: str) -> None:
    table = f"{GOOD}\n{line}\n{GOOD}\n"
    with pytest.raises(MalmoiError) as caught:
        rows(table, "jsonl")
    assert (caught.value.code, caught.value.where) == ("MM0108", "a.jsonl:2")
    assert reason in caught.value.what
    record: dict[str, Any] = {}
    assert rows(table, "jsonl", record=record) == ["멀쩡한 줄입니다."] * 2
    assert [row[0] for row in record["bad_rows"]] == [2]


def test_what_looks_like_a_fault_and_is_none() -> None:
    lines = [
        '{"score": NaN, "text": "값이 없는 점수"}',
        '{"inner": {"text": "x"}, "text": "안쪽에도 \\"text\\": 있는 글"}',
        '\ufeff{"text": "이어 붙인 파일의 첫 줄"}',
        '{"text": null}',
        '{"\\ud83d": 1, "text": "열쇠가 반쪽인 줄"}',
    ]
    expected = ["값이 없는 점수", '안쪽에도 "text": 있는 글', "이어 붙인 파일의 첫 줄", "열쇠가 반쪽인 줄"]
    assert rows("\n".join(lines), "jsonl") == expected


def test_keys_that_no_terminal_can_show_are_listed(tmp_path: Path, build: Build) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"\\ud83d": 1, "가": "글"}\n', "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0107.*: \?, 가"):
        build(path)


def test_keys_are_compared_composed() -> None:
    apart = unicodedata.normalize("NFD", "본문")
    table = f'{{"{apart}": "첫 글"}}\n{{"본문": "둘째 글"}}\n'
    assert apart != "본문"
    for column in (None, "본문", apart):
        assert rows(table, "jsonl", column) == ["첫 글", "둘째 글"]


def test_a_deep_first_line_of_a_txt_is_text() -> None:
    for line in (DEEP, DEEP + "]" * 100_000 + "}", '{"n": ' + "9" * 5_000 + "}"):
        assert format_seen(line + "\n", None) is None


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    lines = ['{"text": "멀쩡한 줄이 하나 있습니다."}', '{"text": "잘린 줄', '{"text": 3}']
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_broken_row_names_its_line(broken: Path, build: Build) -> None:
    with pytest.raises(MalmoiError) as caught:
        build(broken)
    assert caught.value.code == "MM0108"
    assert caught.value.where == f"{broken}:2"


def test_broken_rows_can_be_skipped_and_are_listed(broken: Path, build: Build) -> None:
    with pytest.warns(UserWarning, match=r"MM0114.*a\.jsonl:2: 2 line\(s\)"):
        documents, folder = build(broken, on_bad_file="skip")
    assert documents == [["멀쩡한 줄이 하나 있습니다."]]
    audit = json.loads((folder / "audit.json").read_text("utf-8"))
    assert [row[0] for row in audit["files"][0]["bad_rows"]] == [2, 3]
    assert audit["stages"]["read"]["lines_skipped"] == 2
