"""Every JSON file of every artifact, damaged in every way: whatever reads it works or says what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from malmoi.artifact.finished import open_artifact, read_manifest
from malmoi.cli import corpus
from malmoi.cli import pretrain as verb
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.finetune.seeds import summarize
from malmoi.finetune.start import pretrained
from malmoi.json_files import JsonError, parse_json, read_json, to_json
from malmoi.league.curve import milestones, read_curve
from malmoi.league.entries import entries
from malmoi.predict.predictor import Predictor
from malmoi.pretrain.checkpoint import fault, newest_checkpoint, read_state
from malmoi.pretrain.data.packing import table_fault
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.run import pretrain
from malmoi.report.compare import compare
from malmoi.report.write import write_report
from malmoi.shards.format import Shards, check_tokenizer
from malmoi.tokenizer import load_tokenizer
from tests.artifacts.conftest import SMALLER, TRAINING
from tests.tiny.heard import Heard

Reader = Callable[[Path, Path], object]


def _pretrain(out: Path, _: Path) -> object:
    found = pretrain(TRAINING, SMALLER, out / "shards", out / "pretrain", Context(Heard()))
    verb.show(out / "pretrain")
    return found


def _milestones(out: Path, _: Path) -> object:
    (row,) = entries({"run": out / "pretrain"}, no_pretraining=False, characters=False)
    return milestones(row)


def _shards(out: Path, _: Path) -> object:
    opened = Shards.open(out / "shards")
    check_tokenizer(opened, opened.tokenizer_folder)
    return load_tokenizer(opened.tokenizer_folder)


def _tables(out: Path, _: Path) -> object:
    return [table_fault(file.parent) for file in (out / "pretrain" / "rows").rglob("digests.json")]


def report(stage: str) -> Reader:
    return lambda out, tmp: write_report(out / stage, tmp)


# File → what reads it. Of cells and checkpoints alike, one is damaged.
READERS: dict[str, tuple[Reader, ...]] = {
    "corpus/manifest.json": (lambda out, _: open_artifact(out / "corpus", "corpus"), report("corpus")),
    "corpus/audit.json": (lambda out, _: corpus.show(out / "corpus"), report("corpus")),
    "tokenizer/*.json": (lambda out, _: load_tokenizer(out / "tokenizer"), report("tokenizer")),
    "shards/manifest.json": (_shards, report("shards")),
    "shards/tokenizer/*.json": (_shards,),
    "pretrain/manifest.json": (_pretrain, _milestones),
    "pretrain/metrics.jsonl": (lambda out, _: read_journal(out / "pretrain"),),
    "pretrain/checkpoints/step-4/config.json": (lambda out, _: pretrained(out / "pretrain"),),
    "pretrain/checkpoints/step-4/checkpoint.json": (
        lambda out, _: fault(newest_checkpoint(out / "pretrain")),
        lambda out, tmp: pretrained(out / "pretrain").inputs(tmp),
        _milestones,
    ),
    "pretrain/checkpoints/step-4/state/train.json": (
        lambda out, _: read_state(newest_checkpoint(out / "pretrain")),
    ),
    "pretrain/rows/*/*/*/digests.json": (_tables,),
    "tuned/summary.json": (lambda out, _: Predictor.open(out / "tuned"),),
    "tuned/seed-0/manifest.json": (lambda out, _: read_manifest(out / "tuned" / "seed-0"),),
    "tuned/seed-0/scores.json": (
        lambda out, _: summarize([out / "tuned" / "seed-0"]),
        report("tuned"),
    ),
    "tuned/seed-0/model/malmoi_task.json": (lambda out, _: Predictor.open(out / "tuned").predict(["빵"]),),
    "tuned/seed-0/model/config.json": (lambda out, _: Predictor.open(out / "tuned").predict(["빵"]),),
    "league/table.json": (report("league"),),
    "league/curve.json": (lambda out, _: read_curve(out / "league"), report("league")),
}
# These take longer, so that every seventh damage is enough.
SLOW: dict[str, tuple[Reader, ...]] = {
    name: (report("pretrain"), lambda out, _: compare(out / "pretrain", out / "pretrain"))
    for name in ("pretrain/manifest.json", "pretrain/metrics.jsonl")
} | {
    "tuned/seed-0/manifest.json": (lambda out, _: Predictor.open(out / "tuned"), report("tuned")),
    "league/manifest.json": (report("league"),),
    "league/cells/run/*/seed-0/scores.json": (report("league"),),
}
WHOLE = (
    b"",
    b"{",
    b"[]",
    b"7",
    b"null",
    b'"\xea\xb8\x80"',
    b"\0" * 20,
    b"\xff\xfe{\0}\0",
    b"\xef\xbb\xbf{}",
    b'{"a": ' + b"[" * 100_000,
    b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}",
    b'{"a": ' + b"9" * 5_000 + b"}",
    b"\xb0\xa1\xb3\xaa",
)


def places(value: Any, path: tuple[Any, ...] = (), depth: int = 6) -> Iterator[tuple[Any, ...]]:
    """Every key and index; of a list its first entry, of a table of many alike its first."""
    if isinstance(value, dict) and depth:
        keys = list(value)[:1] if len(value) > 30 else list(value)
        for key in keys:
            yield (*path, key)
            yield from places(value[key], (*path, key), depth - 1)
    elif isinstance(value, list) and value and depth:
        yield (*path, 0)
        yield from places(value[0], (*path, 0), depth - 1)


def changed(data: bytes, path: tuple[Any, ...], *, remove: bool) -> bytes:
    value = json.loads(data)
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    old = inside[path[-1]]
    if remove:
        del inside[path[-1]]
    else:
        others: list[Any] = [[1], {"x": 1}, "글", 7, None, -1.5, True]
        inside[path[-1]] = next(o for o in others[hash_of(path) % 7 :] + others if type(o) is not type(old))
    return json.dumps(value).encode()


def hash_of(path: tuple[Any, ...]) -> int:
    """The same on every run, unlike hash()."""
    return sum(map(ord, "".join(map(str, path))))


def damages(data: bytes, lines: bool) -> Iterator[tuple[str, bytes]]:
    for number, whole in enumerate(WHOLE):
        yield f"whole {number}", whole + b"\n" * lines
    yield "torn", data[: len(data) // 2]
    first, _, rest = data.partition(b"\n") if lines else (data, b"", b"")
    for path in places(json.loads(first)):
        yield f"without {path}", changed(first, path, remove=True) + b"\n" * lines + rest
        yield f"other {path}", changed(first, path, remove=False) + b"\n" * lines + rest


@pytest.fixture(scope="module")
def copy(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("copy") / "out"
    shutil.copytree(home / "out", copy)
    return copy


@pytest.mark.parametrize(
    ("pattern", "readers", "every"),
    [(name, readers, 1) for name, readers in READERS.items()] + [(name, r, 7) for name, r in SLOW.items()],
)
def test_no_damage_is_our_fault(
    pattern: str, readers: tuple[Reader, ...], every: int, copy: Path, tmp_path: Path
) -> None:
    files = [
        path for path in sorted(copy.glob(pattern)) if path.name != "manifest.json" or "*" not in pattern
    ]
    assert files
    faults = []
    for file in files:
        data = file.read_bytes()
        for name, damaged in list(damages(data, file.suffix == ".jsonl"))[::every]:
            file.write_bytes(damaged)
            for read in readers:
                try:
                    read(copy, tmp_path / "r.html")
                except MalmoiError:
                    continue
                except Exception as error:
                    faults.append(f"{file.name} {name}: {type(error).__name__} {error}"[:200])
        file.write_bytes(data)
        for read in readers:
            read(copy, tmp_path / "r.html")
    assert faults == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (WHOLE[0], "≠ JSON (line 1, column 1: Expecting value)"),
        (b'{"a": 1,\n "b": ', "≠ JSON (line 2, column 7: Expecting value)"),
        (WHOLE[6], "NUL"),
        (WHOLE[7], "UTF-16"),
        (WHOLE[9], "nesting > 100"),
        (WHOLE[10], "nesting > 100"),
        (WHOLE[11], "Exceeds the limit (4300 digits)"),
        (WHOLE[12], "≠ UTF-8 (byte 1)"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, said: str) -> None:
    with pytest.raises(JsonError) as caught:
        parse_json(data)
    assert str(caught.value).startswith(said)


def test_a_file_is_read_up_to_a_size(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[" + b" " * 5_000_000 + b"]")
    assert read_json(tmp_path / "a.json") == []
    with pytest.raises(JsonError, match="> 4 MB"):
        read_json(tmp_path / "a.json", most=4_000_000)


def test_all_strings_come_back(tmp_path: Path) -> None:
    value = {"\udcb0글": ["\ud83d", "😀", "\\udcb0", "NFD 글"], "deep": [[[[{}]]]]}
    assert parse_json(to_json(value).encode()) == value
    assert parse_json(b"\xef\xbb\xbf" + to_json(value, indent=1).encode()) == value


def test_a_missing_entry_is_named(copy: Path) -> None:
    file = copy / "shards" / "manifest.json"
    data = file.read_bytes()
    file.write_bytes(changed(data, ("counts", "special"), remove=True))
    with pytest.raises(MalmoiError) as caught:
        Shards.open(copy / "shards")
    file.write_bytes(changed(data, ("counts", "special", "mask"), remove=True))
    with pytest.raises(MalmoiError) as mask:
        Shards.open(copy / "shards")
    file.write_bytes(data)
    assert (caught.value.code, caught.value.where) == ("MM0031", str(file))
    assert "special: Field required" in caught.value.what and "'mask' ∄" in mask.value.what


def test_a_run_of_another_version_is_named(copy: Path) -> None:
    file = copy / "pretrain" / "manifest.json"
    data = file.read_bytes()
    value = json.loads(data)
    value["config"]["pretrain"]["gone_since"] = 1
    file.write_bytes(json.dumps(value).encode())
    with pytest.raises(MalmoiError) as caught:
        _pretrain(copy, copy)
    file.write_bytes(data)
    assert (caught.value.code, caught.value.where) == ("MM0031", str(file))
    assert "pretrain.gone_since: Extra inputs are not permitted" in caught.value.what
