"""JSON as tables: an object a line or in a list; what is nested, torn or cut short says so, with its line."""

from __future__ import annotations

import gzip
import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.readers import inflate
from malmoi.readers.decode import Decoded
from malmoi.readers.json_stream import stream_rows
from malmoi.tasks.blocks import Blocks, stop
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import read_task
from malmoi.tasks.examples import read_examples
from malmoi.tasks.objects import flat_rows
from malmoi.tasks.table import open_table
from tests.tiny.heard import Heard

ROWS: list[dict[str, Any]] = [
    {"글": "정말 재미있어요", "라벨": 1, "점수": 4.50, "본": True, "빈": None},
    {"글": 'a "따옴표", 쉼표\n둘째 줄', "라벨": 0, "점수": 1e3, "본": False},
]
CELLS = [
    ["정말 재미있어요", "1", "4.5", "true", ""],
    ['a "따옴표", 쉼표\n둘째 줄', "0", "1000.0", "false", ""],
]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def error(path: Path) -> MalmoiError:
    with pytest.raises(MalmoiError) as caught:
        open_table(path)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize(
    ("name", "text", "at"),
    [
        ("a.jsonl", lines(ROWS), [1, 2]),
        ("a.ndjson", "\n" + lines(ROWS).replace("\n", "\r\n"), [2, 3]),
        ("a.json", lines(ROWS), [1, 2]),
        ("a.txt", lines(ROWS), [1, 2]),
        ("a.json", json.dumps(ROWS, ensure_ascii=False), [1, 1]),
        ("a.csv", json.dumps(ROWS, ensure_ascii=False), [1, 1]),
        ("a.json", json.dumps(ROWS), [1, 1]),
        ("a.json", json.dumps(ROWS, ensure_ascii=False, indent=2), [2, 9]),
        ("a.json", "[\n" + ",\n".join(lines(ROWS).splitlines()) + "\n]\n", [2, 3]),
        ("a.json", "".join(f"[{line}]\n" for line in lines(ROWS).splitlines()), [1, 2]),  # cat a.json b.json
    ],
)
def test_every_shape_of_flat_json(name: str, text: str, at: list[int], encoding: str, tmp_path: Path) -> None:
    table = open_table(write(tmp_path / name, text, encoding))
    assert table.columns == ("글", "라벨", "점수", "본", "빈")
    assert (table.count, list(table.rows())) == (2, list(zip(at, CELLS, strict=True)))


def test_packed_files_are_known_by_the_name_inside(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines(ROWS).encode()))
    assert open_table(tmp_path / "a.jsonl.gz").count == 2
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress("글, 제목\t라벨\n좋다\t1\n".encode()))
    assert open_table(tmp_path / "a.tsv.gz").columns == ("글, 제목", "라벨")


def test_numbers_keep_their_spelling_and_any_length(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", '{"글": "좋다", "라벨": 1.0}\n{"글": "싫다", "라벨": %s}\n' % ("9" * 6000)
    )
    assert read_examples(path, ("글",), "라벨").labels == ["1.0", "9" * 6000]


def test_keys_are_composed_and_objects_inside_get_dots(tmp_path: Path) -> None:
    rows = [{unicodedata.normalize("NFD", "문장"): "좋다", "labels": {"label": 3.7, "binary": {"yes": 1}}}]
    table = open_table(write(tmp_path / "a.jsonl", lines(rows * 2)))
    assert table.columns == ("문장", "labels.label", "labels.binary.yes")
    assert table.places([unicodedata.normalize("NFD", "문장")]) == [0]


def test_a_task_learns_from_jsonl(tmp_path: Path) -> None:
    rows = [{"글": f"영화 {i}", "라벨": i % 2, "쓴이": ["가", "나"]} for i in range(40)]
    path = write(tmp_path / "a.jsonl", lines([*rows, {"글": "라벨이 없다", "라벨": None}]))
    heard = Heard()
    data = read_task(TaskConfig(train=path, text=("글",), label="라벨"), heard)
    assert (data.labels, len(data.train), len(data.dev)) == (("0", "1"), 36, 4)
    assert heard.codes == ["MM0638", "MM0614"]
    with pytest.raises(MalmoiError) as caught:
        read_task(TaskConfig(train=path, text=("글",), label="쓴이"))
    assert (caught.value.code, caught.value.values["keys"]) == ("MM0632", "쓴이: [ ]")


KORQUAD = {"version": "1", "data": [{"title": "섬", "paragraphs": [{"context": "제주는 섬이다", "qas": []}]}]}


@pytest.mark.parametrize(
    ("name", "text", "code", "where", "says"),
    [
        ("a.json", json.dumps(KORQUAD), "MM0632", ":1", "version, data"),
        ("a.json", json.dumps(KORQUAD, indent=1), "MM0632", ":1", "version, data"),
        ("a.json", '{"글": {"0": "가", "1": "나"}, "라벨": {"0": 1, "1": 0}}', "MM0632", ":1", "글.0, 글.1"),
        ("a.json", '[["좋다", 1], ["싫다", 0]]', "MM0632", ":1", "['좋다', '1']"),
        ("a.json", '["좋다",\n "싫다"]', "MM0632", ":1", "좋다"),
        ("a.json", '"좋다"', "MM0632", ":1", "좋다"),
        ("a.jsonl", '{"글": "가"}\n[1]\n', "MM0632", ":2", "1"),
        ("a.jsonl", '{"글": "가"}\n{"글": "나\n', "MM0647", ":2", "Invalid control character"),
        ("a.jsonl", '{"글": "가"}\n{"글": "나', "MM0647", ":2", "Unterminated string"),
        ("a.json", '[{"글": "가"},\n{"글": "나"}', "MM0647", ":2", "["),
        ("a.json", "글,라벨\n좋다,1\n", "MM0647", ":1", "Expecting value"),
        ("a.jsonl", '{"글": ' + "[" * 100_000 + "\n", "MM0647", ":1", "nested too deep"),
        ("a.json", "", "MM0604", "", ""),
        ("a.json", "[]", "MM0604", "", ""),
        ("a.json", '{"a": "' + "가" * 11_000_000 + '"}', "MM0647", ":1", "longer than 10,000,000"),
    ],
)
def test_what_is_no_table_says_what_it_is(
    name: str, text: str, code: str, where: str, says: str, tmp_path: Path
) -> None:
    found = error(write(tmp_path / name, text))
    assert (found.code, found.where) == (code, f"{tmp_path / name}{where}")
    assert says in found.what


def test_numbers_of_thousands_of_digits_are_labels(tmp_path: Path) -> None:
    long = "1" * 5000
    rows = [{"글": f"가 {n}", "라벨": "LONG" if n % 2 else 12 - n % 4} for n in range(40)]
    path = write(tmp_path / "a.jsonl", lines(rows).replace('"LONG"', long))
    data = read_task(TaskConfig(train=path, text=("글",), label="라벨"), Heard())
    assert data.labels == ("10", "12", long)


def test_many_keys_are_no_columns(tmp_path: Path) -> None:
    rows = [{f"키 {i}": 1} for i in range(1100)]
    assert error(write(tmp_path / "a.jsonl", lines(rows))).code == "MM0632"


def test_a_key_that_stands_twice_cannot_be_asked_for(tmp_path: Path) -> None:
    table = open_table(
        write(tmp_path / "a.jsonl", '{"글": "가", "라벨": 1, "라벨": 0}\n{"글": "나", "라벨": 1}\n')
    )
    assert table.places(["글"]) == [0]
    with pytest.raises(MalmoiError, match="MM0631"):
        table.places(["라벨"])


def test_half_a_surrogate_pair_is_no_character(tmp_path: Path) -> None:
    table = open_table(write(tmp_path / "a.jsonl", '{"글": "앞\\ud83d뒤"}\n{"글": "\\ud83d\\ude00"}\n'))
    assert [fields for _, fields in table.rows()] == [["앞\ufffd뒤"], ["😀"]]


@given(st.lists(st.dictionaries(st.sampled_from("가나다"), st.text(max_size=9), min_size=1), min_size=2))
def test_what_was_written_is_read(rows: list[dict[str, str]]) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        for name, text in (("a.jsonl", lines(rows)), ("a.json", json.dumps(rows, indent=1))):
            table = open_table(write(Path(folder) / name, text, "utf-8"))
            found = [dict(zip(table.columns, fields, strict=True)) for _, fields in table.rows()]
            assert found == [{name: row.get(name, "") for name in table.columns} for row in rows]


@pytest.mark.parametrize("block", range(1, 30))
def test_a_block_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(inflate, "BLOCK", block)
    text = r'[ {"a" : "\ud83d\ude00\n\"" ,   "b":-12.5e-3},{"a":true, "b" : -Infinity} , {"a":null}]'
    path = write(tmp_path / "a.json", text)
    rows = list(flat_rows(stream_rows(Blocks(Decoded(path)), stop(path)), path))
    assert [row.cells for row in rows] == [
        {"a": '\U0001f600\n"', "b": "-12.5e-3"},
        {"a": "true", "b": "-Infinity"},
        {"a": ""},
    ]


def test_a_fault_far_from_the_end_of_a_large_file_has_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflate, "BLOCK", 100)
    monkeypatch.setattr("malmoi.readers.json_stream.LINE_LIMIT", 1_000)
    text = '{"a": "1"}\n' * 2 + '{"a": "2" "b": "3"}\n' + '{"a": "1"}\n' * 1_000
    with pytest.raises(MalmoiError) as caught:
        open_table(write(tmp_path / "a.jsonl", text))
    assert (caught.value.code, caught.value.where) == ("MM0647", f"{tmp_path / 'a.jsonl'}:3")
    assert "Expecting ',' delimiter" in caught.value.what
