"""Stdout and stderr as they may be: another encoding, a full disk, a reader who has left, closed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.cli.streams import Outlet, utf8_stdout
from malmoi.errors import MalmoiError

TRACE = ["trace", "오늘 본 영화가 참 좋아요 😀", "--analyzer", "none"]


def start(words: list[str], shell: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """malmoi as bash starts it, with what `shell` says behind it: `> /dev/full`, `| head -1`, `>&-`."""
    command = f"{shlex.join([sys.executable, '-m', 'malmoi', *words])} {shell}; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "MALMOI_LANG": "en", "COLUMNS": "100", **environment}
    return subprocess.run(["bash", "-c", command], capture_output=True, env=environment)


@pytest.mark.parametrize("encoding", ["ascii", "cp949"])
def test_a_letter_that_the_encoding_lacks_is_a_question_mark(encoding: str) -> None:
    done = start(TRACE, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert ("영화가 참 좋아요 ?" if encoding == "cp949" else "??? ? ??? ?") in shown
    assert done.stderr == b""


def test_json_comes_whole_through_any_encoding() -> None:
    for encoding in ("cp949", "utf-8"):
        done = start([*TRACE, "--json"], PYTHONIOENCODING=encoding)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["text"] == TRACE[1]
    assert TRACE[1].encode() in done.stdout  # UTF-8 needs no escapes


def test_where_no_hangul_can_be_shown_malmoi_speaks_english() -> None:
    page = start(["explain", "MM0003"], PYTHONIOENCODING="ascii", MALMOI_LANG="ko").stdout
    assert b"there is no setting" in page
    assert "없는 설정" in start(
        ["explain", "MM0003"], PYTHONIOENCODING="cp949", MALMOI_LANG="ko"
    ).stdout.decode("cp949")


@pytest.mark.parametrize(
    "words",
    [["explain"], ["explain", "--json"], ["--help"], ["run", "none.toml", "--json"], ["explain", "-q"]],
)
def test_a_full_disk_under_stdout_is_told(words: list[str]) -> None:
    done = start(words, "> /dev/full")
    assert done.returncode == 2
    assert done.stderr.decode().startswith(
        "MM0807 not all could be written to standard output: No space left on device\n"
    )
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr


def test_news_that_nobody_can_read_end_no_work(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("할머니는 아침마다 빵을 굽는다.\n", "utf-8")
    for number, lost in enumerate(["2> /dev/full", ">&- 2>&-", "2>&1 | true", "> /dev/full"]):
        out = tmp_path / f"{number}"
        done = start(["corpus", "build", str(text), "--out", str(out), "--workers", "1"], lost)
        assert done.returncode == (2 if lost == "> /dev/full" else 0), (lost, done.stderr)
        assert json.loads((out / "manifest.json").read_text("utf-8"))["state"] == "finished"
        assert b"Traceback" not in done.stderr


def test_a_reader_may_leave() -> None:
    done = start(["explain", "--json"], "| head -c 9")
    assert (done.returncode, done.stdout, done.stderr) == (0, b'{"event":'[:9], b"")
    none = start(["run", "none.toml"], "2>&- | true")
    assert (none.returncode, none.stderr) == (2, b"")


def test_a_table_for_another_program_ends_with_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as left:
        monkeypatch.setattr(sys, "stdout", left)
        with utf8_stdout() as stream:
            while True:
                stream.write("가\n")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(MalmoiError, match=r"MM0807 .*No space left on device"), utf8_stdout() as stream:
            while True:
                stream.write("가\n")


def test_what_arrives_is_the_beginning_without_a_hole(tmp_path: Path) -> None:
    """A disk that is full for a while."""
    file = tmp_path / "out.txt"
    with file.open("w") as place:
        outlet = Outlet(place.fileno())
        outlet.write(b"first ")
        full = os.open("/dev/full", os.O_WRONLY)
        kept = os.dup(place.fileno())
        os.dup2(full, place.fileno())
        outlet.write(b"second ")
        os.dup2(kept, place.fileno())
        outlet.write(b"third")
        os.close(full)
        os.close(kept)
    assert file.read_bytes() == b"first "
    with pytest.raises(MalmoiError, match="MM0807"):
        outlet.check()
