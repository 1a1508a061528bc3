"""The folder: written once, left alone when current, never over a stranger's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.artifact.finished import open_artifact
from malmoi.errors import MalmoiError
from malmoi.sample.write import write_sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "sample"
    write_sample(out)
    return out


def test_writes_every_file_and_a_manifest(folder: Path, files: dict[str, bytes]) -> None:
    manifest = open_artifact(folder, "sample", verify=True)
    assert set(manifest.files) == set(files)
    assert manifest.seed == 7
    assert not folder.with_name("sample.tmp").exists()
    readme = (folder / "README.txt").read_text("utf-8")
    assert "지어낸" in readme and "made up" in readme


def test_a_second_time_there_is_nothing_to_do(folder: Path) -> None:
    before = (folder / "manifest.json").stat().st_mtime_ns
    write_sample(folder)
    assert (folder / "manifest.json").stat().st_mtime_ns == before


def test_a_strangers_file_stops_it(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"x")
    with pytest.raises(MalmoiError) as caught:
        write_sample(tmp_path)
    assert str(caught.value) == (
        f"MM0901 {tmp_path}: this folder has a file in it that is not part of the sample: thesis.docx\n"
        "  malmoi stops rather than remove or overwrite somebody's files.\n"
        "  → give an empty folder or a new name: malmoi sample demo/sample"
    )
    assert (tmp_path / "thesis.docx").read_bytes() == b"x"


def test_another_seed_replaces_only_its_own_files(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0901.*notes\.txt"):
        write_sample(folder, seed=8)
    (folder / "notes.txt").unlink()
    assert write_sample(folder, seed=8).seed == 8
