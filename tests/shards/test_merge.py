"""Merged shards hold the parts of all, as the same files, and what cannot be one is refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from malmoi.artifact.finished import read_manifest
from malmoi.cli.main import run
from malmoi.errors import MalmoiError
from malmoi.shards.build import build_shards
from malmoi.shards.check import verify_shards
from malmoi.shards.config import ShardsConfig
from malmoi.shards.format import Shards
from malmoi.shards.merge import merge_shards
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.cuts import Cut, cut_at
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import DOCUMENTS


@pytest.fixture
def other(tokenizer: Path, tmp_path: Path) -> Path:
    """Shards of other documents, one part and one held out."""
    texts = ["\n".join(DOCUMENTS[3]) + "\n", "\n".join(DOCUMENTS[4]) + "\n"]
    corpus = make_corpus(tmp_path / "other-corpus", texts[:1], texts[1:])
    build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "other")
    return tmp_path / "other"


def test_parts_of_all_in_the_order_given(shards: Path, other: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    counts = merge_shards([other, shards], out).counts
    verify_shards(out, seed=0)
    merged, first, second = (Shards.open(folder) for folder in (out, other, shards))
    assert [part.name for part in merged.train] == ["part-00000", "part-00001", "part-00002"]
    assert [part.name for part in merged.heldout] == ["heldout-00000", "heldout-00001"]
    for kind in ("train", "heldout"):
        whole = [*getattr(first, kind), *getattr(second, kind)]
        for found, wanted in zip(getattr(merged, kind), whole, strict=True):
            for name in ("ids", "flags", "sentences", "documents"):
                assert np.array_equal(getattr(found, name), getattr(wanted, name))
    for kind in ("train", "heldout"):
        a, b = (read_manifest(folder).counts[kind] for folder in (other, shards))
        assert counts[kind] == {name: a[name] + b[name] for name in a}
    assert counts["parts"][1]["from"] == f"{shards}/part-00000"
    assert counts["merged"] == {f"0:{other}": first.digest, f"1:{shards}": second.digest}
    assert set(read_manifest(out).inputs) == {f"{folder}/manifest.json" for folder in (other, shards)}
    assert merged.tokenizer_digest == first.tokenizer_digest


def test_files_are_shared_and_a_second_merge_has_nothing_to_do(
    shards: Path, other: Path, tmp_path: Path
) -> None:
    out = tmp_path / "merged"
    merge_shards([shards, other], out)
    ids = Path("part-00000", "ids.npy")
    assert (out / ids).stat().st_ino == (shards / ids).stat().st_ino
    before = (out / "manifest.json").stat().st_mtime_ns
    merge_shards([shards, other], out)
    assert (out / "manifest.json").stat().st_mtime_ns == before
    shutil.rmtree(shards)
    verify_shards(out, seed=0)


def test_a_merge_cut_at_any_change_of_its_folders_goes_on(shards: Path, other: Path, tmp_path: Path) -> None:
    with cut_at(None) as changes:
        merge_shards([shards, other], tmp_path / "whole")
    digest = Shards.open(tmp_path / "whole").digest
    for number in range(1, changes.seen, 3):
        out = tmp_path / f"cut{number}"
        with pytest.raises(Cut), cut_at(number):
            merge_shards([shards, other], out)
        merge_shards([shards, other], out)
        assert Shards.open(out).digest == digest, number


def test_different_tokenizers_are_refused_by_name(
    shards: Path, corpus: Path, small: WordPiece, tmp_path: Path
) -> None:
    WordPiece([*small.entries[:-2], small.entries[-1], small.entries[-2]]).save(tmp_path / "swapped")
    build_shards(ShardsConfig(), corpus, tmp_path / "swapped", tmp_path / "other")
    with pytest.raises(MalmoiError) as error:
        merge_shards([shards, tmp_path / "other"], tmp_path / "merged")
    assert error.value.code == "MM0311"
    assert error.value.what == f"{shards} and {tmp_path / 'other'} were made with different tokenizers."
    assert not (tmp_path / "merged").exists()


def test_the_same_shards_twice_and_a_part_as_the_target(shards: Path, other: Path, tmp_path: Path) -> None:
    shutil.copytree(shards, tmp_path / "copy")
    with pytest.raises(MalmoiError, match="MM0312"):
        merge_shards([shards, other, tmp_path / "copy"], tmp_path / "merged")
    with pytest.raises(MalmoiError, match="MM0313"):
        merge_shards([shards, other], shards)
    assert len(Shards.open(shards).train) == 2


def test_the_verb(shards: Path, other: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "merged"
    assert run(["--json", "shards", "merge", str(shards), str(other), "--out", str(out)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["out"], result["train"]["documents"]) == (str(out), 18)
    assert run(["shards", "merge", str(shards), str(shards), "--out", str(out)]) == 2
    assert "MM0312" in capsys.readouterr().err
