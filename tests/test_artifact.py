"""Artifacts appear whole or not at all, know when they are up to date, and notice changed files."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.artifact.finished import artifact_key, finished_artifact, is_current, open_artifact, record_inputs
from malmoi.config import Section, execution
from malmoi.context import Context
from malmoi.errors import MalmoiError


class Config(Section):
    size: int = 3
    workers: int = execution(1, "who")


def _build(out: Path, key: str, content: str = "한 문장.\n") -> None:
    with finished_artifact(out, "corpus", Config(), key) as draft:
        (draft.path / "part.txt").write_text(content, "utf-8")
        draft.counts["lines"] = 1


def test_same_key_is_current_and_a_changed_file_is_not(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    key = artifact_key("corpus", Config(), {"a.txt": "1"})
    assert key == artifact_key("corpus", Config(workers=8), {"a.txt": "1"})
    assert key != artifact_key("corpus", Config(size=4), {"a.txt": "1"})
    assert key != artifact_key("corpus", Config(), {"a.txt": "2"})
    _build(out, key)
    assert is_current(out, "corpus", key)
    assert not is_current(out, "corpus", "other")
    assert open_artifact(out, "corpus", verify=True).counts == {"lines": 1}
    assert not (tmp_path / "corpus.tmp").exists()
    touched = (out / "part.txt").stat()
    (out / "part.txt").write_text("딴 문장.\n", "utf-8")
    assert not is_current(out, "corpus", key)
    os.utime(out / "part.txt", ns=(touched.st_atime_ns, touched.st_mtime_ns))
    assert is_current(out, "corpus", key), "size and time agree"
    assert not is_current(out, "corpus", key, Context(verify=True)), "the digest does not"


def test_an_error_leaves_the_old_artifact_and_a_draft_for_the_next_try(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    _build(out, "one")
    with pytest.raises(RuntimeError), finished_artifact(out, "corpus", Config(), "two") as draft:
        (draft.path / "half.txt").write_text("반", "utf-8")
        raise RuntimeError
    assert (out / "part.txt").read_text("utf-8") == "한 문장.\n"
    with finished_artifact(out, "corpus", Config(), "two") as draft:
        assert (draft.path / "half.txt").exists(), "the same key resumes the draft"
    with finished_artifact(out, "corpus", Config(), "three") as draft:
        assert not (draft.path / "half.txt").exists(), "another key starts afresh"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda out: (out / "manifest.json").unlink(), "MM0010"),
        (lambda out: (out / "manifest.json").write_text("{"), "MM0011"),
        (lambda out: (out / "part.txt").unlink(), "MM0013"),
        (lambda out: (out / "part.txt").write_bytes(b"x"), "MM0013"),
        (lambda out: (out / "part.txt").write_text("딴 문장.\n", "utf-8"), "MM0013"),
    ],
)
def test_damage_is_found(tmp_path: Path, spoil: object, code: str) -> None:
    out = tmp_path / "corpus"
    _build(out, "k")
    spoil(out)  # type: ignore[operator]
    with pytest.raises(MalmoiError, match=code):
        open_artifact(out, "corpus", verify=True)


def test_another_stage_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    _build(tmp_path / "corpus", "k")
    with pytest.raises(MalmoiError, match="this is a corpus artifact, not a shards artifact"):
        open_artifact(tmp_path / "corpus", "shards")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("내 글")
    with pytest.raises(MalmoiError, match="MM0014"):
        _build(tmp_path / "mine", "k")
    assert (tmp_path / "mine" / "diary.txt").read_text() == "내 글"


def test_folders_beside_it_that_look_alike_are_left_alone(tmp_path: Path) -> None:
    _build(tmp_path / "corpus", "one")
    for name in ("corpus.old", "corpus.before"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").write_text("내 글")
    _build(tmp_path / "corpus", "two")
    assert (tmp_path / "corpus.old" / "mine.txt").exists() and (
        tmp_path / "corpus.before" / "mine.txt"
    ).exists()
    (tmp_path / "corpus.tmp").mkdir()
    (tmp_path / "corpus.tmp" / "mine.txt").write_text("내 글")
    with pytest.raises(MalmoiError, match="MM0014"):
        _build(tmp_path / "corpus", "three")
    assert (tmp_path / "corpus.tmp" / "mine.txt").exists()


def test_a_kill_between_the_two_renames_is_mended(tmp_path: Path) -> None:
    """`out` was set aside and the new one not yet renamed: the old one comes back, the work is done again."""
    _build(tmp_path / "corpus", "one")
    (tmp_path / "corpus").rename(tmp_path / ".corpus.before")
    with pytest.raises(RuntimeError), finished_artifact(tmp_path / "corpus", "corpus", Config(), "two"):
        assert (tmp_path / "corpus" / "part.txt").exists()
        raise RuntimeError
    _build(tmp_path / "corpus", "two", "새 문장.\n")
    assert open_artifact(tmp_path / "corpus", "corpus").key == "two"
    assert not (tmp_path / ".corpus.before").exists()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with finished_artifact(tmp_path / "out", "corpus", Config(), "k"):
        code = f"""
from pathlib import Path
from malmoi.artifact.finished import finished_artifact
from malmoi.config import Section
from malmoi.errors import MalmoiError
try:
    with finished_artifact(Path({str(tmp_path / "out")!r}), "corpus", Section(), "k"):
        print("in")
except MalmoiError as error:
    print(error.code)
"""
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "MM0006"


def test_digests_of_inputs_are_reused_until_the_file_changes(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("하나")
    first = record_inputs([source], tmp_path / "out")
    with finished_artifact(tmp_path / "out", "corpus", Config(), "k", inputs=first):
        pass
    assert record_inputs([source], tmp_path / "out") == first
    source.write_text("둘둘")
    assert record_inputs([source], tmp_path / "out")[str(source)].sha256 != first[str(source)].sha256


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """A real limit (RLIMIT_FSIZE) in a process of its own; EFBIG takes the same path as ENOSPC."""
    code = f"""
import resource
from pathlib import Path
from malmoi.artifact.finished import finished_artifact
from malmoi.config import Section
from malmoi.errors import MalmoiError
from malmoi.messages import set_language
set_language("en")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with finished_artifact(Path({str(tmp_path / "out")!r}), "corpus", Section(), "k") as draft:
        (draft.path / "big.bin").write_bytes(b"0" * 1_000_000)
except MalmoiError as error:
    print(error.code, error.what)
"""
    assert resource.RLIMIT_FSIZE is not None
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith("MM0015 nothing more can be written")
    assert not (tmp_path / "out").exists()
