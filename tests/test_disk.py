"""Single files are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from malmoi.artifact.disk import whole_file, write_bytes


@pytest.mark.parametrize("fault", [OSError, KeyboardInterrupt, SystemExit])
def test_a_file_that_will_not_be_whole_leaves_nothing_and_the_old_one_stays(
    fault: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "answers.tsv"
    path.write_text("old", "utf-8")
    with pytest.raises(fault), whole_file(path) as draft:
        draft.write_text("half", "utf-8")
        raise fault
    assert [(p.name, p.read_text("utf-8")) for p in tmp_path.iterdir()] == [("answers.tsv", "old")]


def test_a_file_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answers.tsv"
    with pytest.raises(IsADirectoryError), whole_file(path) as draft:
        draft.write_text("whole", "utf-8")
        path.mkdir()
    assert [p.name for p in tmp_path.iterdir()] == ["answers.tsv"]


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_a_pipe_is_written_where_it_is(folder: str) -> None:
    """`--out /dev/stdout` before `| less`."""
    reader, writer = os.pipe()
    write_bytes(Path(f"{folder}/{writer}"), b"page")
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b"page"
