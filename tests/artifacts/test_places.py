"""Where artifacts stand and what they are called: links, copies, names of any bytes."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from malmoi.artifact.disk import real_place, write_bytes
from malmoi.artifact.finished import finished_artifact, is_current, read_manifest, record_inputs
from malmoi.artifact.live import live_artifact, locked_output
from malmoi.cli.console import Console, console, use_console
from malmoi.cli.main import run as malmoi
from malmoi.config import Section
from malmoi.errors import MalmoiError
from malmoi.messages import set_language
from malmoi.pretrain.checkpoint import newest_checkpoint
from tests.artifacts.conftest import STAGES, left_alone, old, walk
from tests.tiny.heard import Heard

CELLS = 5  # of the league: run, no pretraining, characters, and one on the curve; and the tuned run


def test_links_stay_links_and_lead_to_whole_artifacts(home: Path) -> None:
    disk = home / old("큰 디스크")
    for stage in STAGES:
        link = home / "out" / stage
        assert link.is_symlink() and link.resolve() == (disk / stage).resolve()
        if stage != "tuned":
            assert read_manifest(link).state == "finished"
    assert sorted(path.name for path in (home / "out").iterdir()) == sorted(STAGES), "no draft beside a link"
    assert sorted(path.name for path in disk.iterdir()) == sorted(STAGES)


def test_nothing_is_made_again_through_links(home: Path) -> None:
    heard = Heard()
    walk(home, home / "out", heard)
    assert len(left_alone(heard)) == 4 + CELLS
    assert set(heard.codes) <= {"MM0614"}, "but that there is no test file"


def test_other_versions_are_told_once_for_each_artifact_and_nothing_is_made_again(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home / "out", copy)
    for path in copy.rglob("manifest.json"):
        manifest = json.loads(path.read_bytes())
        manifest["versions"] |= {"polars": "0.1", "tokenizers": "0.2", "torch": "2.0", "another": "1"}
        path.write_bytes(json.dumps(manifest).encode())
    heard = Heard()
    walk(home, copy, heard)
    assert len(left_alone(heard)) == 4 + CELLS
    warned = zip(heard.places, heard.warned, strict=True)
    told = {(where, values["made"]) for where, (code, values) in warned if code == "MM0032"}
    assert told == {
        (str(copy / "corpus"), "polars 0.1"),
        (str(copy / "tokenizer"), "tokenizers 0.2"),
        (str(copy / "shards"), "tokenizers 0.2"),
        (str(copy / "pretrain"), "torch 2.0"),
        (str(copy / "tuned" / "seed-0"), "torch 2.0, tokenizers 0.2"),
        (str(copy / "league"), "torch 2.0, tokenizers 0.2"),
    }
    use_console(Console("text"))  # whose reporter says the same once
    walk(home, copy, console().reporter)
    assert capsys.readouterr().err.count("MM0032") == len(told)


def test_folders_whose_names_the_disk_writes_as_letters_are_the_same_folders(
    home: Path, tmp_path: Path
) -> None:
    """macOS stores Hangul decomposed and is asked for it composed."""
    stored = tmp_path / unicodedata.normalize("NFD", "말뭉치") / unicodedata.normalize("NFD", "새 결과")
    shutil.copytree(home / "out", stored)
    typed = tmp_path / "말뭉치" / "새 결과"
    assert not typed.exists()
    heard = Heard()
    walk(home, typed, heard)
    assert len(left_alone(heard)) == 4 + CELLS
    assert not typed.exists() and real_place(typed / "없던 것").parent == stored
    assert malmoi(["report", str(typed), "--out", str(typed / "report.html"), "--quiet"]) == 0
    assert (stored / "report.html").is_file()


@pytest.mark.parametrize("times", ["kept", "new"])
def test_a_copy_is_compared_and_recorded_not_made_again(home: Path, tmp_path: Path, times: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home / "out", copy, copy_function=shutil.copy2 if times == "kept" else shutil.copyfile)
    weights = {path: path.stat().st_mtime_ns for path in copy.rglob("*.safetensors")}
    heard = Heard()
    walk(home, copy, heard)
    assert len(left_alone(heard)) == 4 + CELLS
    assert weights == {path: path.stat().st_mtime_ns for path in copy.rglob("*.safetensors")}
    for path in copy.rglob("manifest.json"):
        for name, record in read_manifest(path.parent).files.items():
            assert record.still(path.parent / name), f"{path}: the next look reads no byte"
    with next((copy / "shards").glob("part-*/ids.npy")).open("r+b") as stream:
        stream.seek(200)
        byte = stream.read(1)
        stream.seek(200)
        stream.write(bytes([byte[0] ^ 1]))
    heard = Heard()
    walk(home, copy, heard)
    assert str(copy / "shards") not in left_alone(heard), "other bytes of the same size are made again"
    assert read_manifest(copy / "shards").digest == read_manifest(home / "out" / "shards").digest


def test_a_copy_on_a_read_only_disk_is_as_good(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "tokenizer"
    shutil.copytree(home / "out" / "tokenizer", copy)
    key = read_manifest(copy).key
    before = (copy / "manifest.json").read_bytes()

    def refused(*_: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr("malmoi.artifact.finished.write_json", refused)
    assert is_current(copy, "tokenizer", key)
    assert (copy / "manifest.json").read_bytes() == before


def test_names_of_bytes_come_back_from_manifests_and_are_shown_readably(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = home / "raw" / old("옛날 글.txt")
    manifest = read_manifest(home / "out" / "corpus")
    assert list(manifest.inputs) == [str(raw)], "the very bytes"
    assert json.loads((home / "out" / "corpus" / "manifest.json").read_bytes())["inputs"].keys() == {str(raw)}
    assert record_inputs([raw], home / "out" / "corpus") == manifest.inputs
    set_language("en")
    assert (
        malmoi(
            [
                "corpus",
                "build",
                str(home / "raw"),
                "--set",
                "corpus.heldout=0.05",
                "--out",
                str(home / "out" / "corpus"),
            ]
        )
        == 0
    )
    told = capsys.readouterr()
    assert "한글 이름/큰 디스크/corpus is up to date" in told.err
    assert "한글 이름/out/corpus/audit.json" in told.out
    assert malmoi(["--json", "report", str(home / "out"), "--out", str(home / "r.html")]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["report"] == str(home / "r.html"), "for scripts the very bytes"
    page = (home / "r.html").read_text("utf-8")
    assert "한글 이름/out" in page and "옛날 글.txt" in page
    assert malmoi(["predict", str(home / "out" / "tuned"), "빵을 굽는다"]) == 0
    assert malmoi(["shards", "verify", str(home / "out" / "shards")]) == 0
    assert "한글 이름" in MalmoiError("MM0010", newest_checkpoint(home / "out" / "pretrain"), stage="x").where  # type: ignore[operator]


def _finished(out: Path) -> None:
    with finished_artifact(out, "corpus", Section(), "k") as draft:
        (draft.path / "a.txt").write_text("글", "utf-8")


def _growing(out: Path) -> None:
    with locked_output(out), live_artifact(out, "finetune", Section(), "k", inputs={}, seed=0) as draft:
        (draft.path / "a.txt").write_text("글", "utf-8")


@pytest.mark.parametrize("write", [_finished, _growing])
def test_links_of_every_kind(write: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(write)
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "parent").symlink_to("disk")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "one").symlink_to("disk/deep/not there")
    (tmp_path / "lost").symlink_to("disk/lost")
    for out, place in (
        ("parent/a", "disk/a"),
        ("two", "disk/deep/not there"),
        ("lost/b", "disk/lost/b"),
    ):
        for _ in range(2):  # and again over it
            write(tmp_path / out)
        assert (tmp_path / place / "a.txt").read_text("utf-8") == "글"
    assert (tmp_path / "two").is_symlink() and (tmp_path / "one").is_symlink()
    assert [path.name for path in (disk / "deep").iterdir()] == ["not there"]
    monkeypatch.chdir(disk)
    Path("here").mkdir()
    monkeypatch.chdir("here")
    write(Path())
    assert (disk / "here" / "a.txt").exists()


@pytest.mark.parametrize("write", [_finished, _growing])
def test_places_where_nothing_can_be(write: object, tmp_path: Path) -> None:
    assert callable(write)
    (tmp_path / "file").write_text("내 글", "utf-8")
    (tmp_path / "loop").symlink_to("loop2")
    (tmp_path / "loop2").symlink_to("loop")
    for out, code in (
        (tmp_path / "loop", "MM0030"),
        (tmp_path / "loop" / "x", "MM0030"),
        (tmp_path / "file" / "x", "MM0030"),
        (tmp_path / ("가" * 100), "MM0030"),
        (tmp_path / "a\0b", "MM0030"),
        (Path("/"), "MM0030"),
        (Path("/proc/x"), "MM0030"),
        (Path("/proc/self/x/y"), "MM0030"),
        (Path("/dev/full"), "MM0014"),
        (tmp_path / "file", "MM0014"),
    ):
        with pytest.raises(MalmoiError) as caught:
            write(out)
        assert caught.value.code == code, out
    assert (tmp_path / "file").read_text("utf-8") == "내 글"


def test_a_place_one_may_not_look_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stat answers to who is not root, whom tests may be."""

    def forbidden(path: Path, **_: object) -> object:
        raise PermissionError(13, os.strerror(13), str(path))

    monkeypatch.setattr(Path, "stat", forbidden)
    with pytest.raises(MalmoiError, match="MM0016"):
        real_place(tmp_path / "x")


def test_a_place_without_links_is_left_as_it_was_given(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert real_place(Path("out/corpus")) == Path("out/corpus")


def test_a_single_file_goes_through_links_and_into_pipes(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "r.html").symlink_to("disk/r.html")
    for text in (b"first", b"second"):
        write_bytes(tmp_path / "r.html", text)
        assert (tmp_path / "disk" / "r.html").read_bytes() == text
    assert (tmp_path / "r.html").is_symlink()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR)
    write_bytes(tmp_path / "pipe", b"through")
    assert os.read(reader, 100) == b"through" and (tmp_path / "pipe").is_fifo()
    os.close(reader)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "pipe", "r.html"]


def test_answers_go_through_links_and_into_pipes(home: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("빵을 굽는다\n노래를 부른다\n", "utf-8")
    (tmp_path / "a.tsv").symlink_to("elsewhere.tsv")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR)
    for out in ("a.tsv", "pipe"):
        command = ["predict", str(home / "out" / "tuned"), "--file", str(tmp_path / "q.txt")]
        assert malmoi([*command, "--out", str(tmp_path / out)]) == 0
    answers = (tmp_path / "elsewhere.tsv").read_bytes()
    assert answers.count(b"\n") == 3 and os.read(reader, 10_000) == answers
    os.close(reader)
    assert (tmp_path / "a.tsv").is_symlink() and (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    "command",
    [
        "sample",
        "corpus build raw --workers 1 --out",
        "tokenizer train out/corpus --out",
        "shards build out/corpus out/tokenizer --out",
        "shards merge out/shards --out",
        "pretrain out/shards --steps 1 --out",
        "finetune out/pretrain --train t.csv --text 글 --label 라벨 --out",
        "league --checkpoint out/pretrain --train t.csv --text 글 --label 라벨 --out",
        "report out/tokenizer --out",
        "diff out/pretrain out/pretrain --out",
        "predict out/tuned --file t.csv --text 글 --out",
    ],
)
def test_every_verb_says_where_nothing_can_be_written(
    command: str,
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copyfile(home / old("학습.csv"), tmp_path / "t.csv")
    for name in ("raw", "out"):
        (tmp_path / name).symlink_to(home / name)
    monkeypatch.chdir(tmp_path)
    assert malmoi(["--json", *command.split(), "/proc/x"]) == 2
    error = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert error["event"] == "error" and error["code"] == "MM0030"
    assert error["where"] in ("/proc/x", "/proc/x.tmp")
