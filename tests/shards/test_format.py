"""What readers refuse: each kind of damage has its own error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from malmoi.artifact.disk import write_json
from malmoi.artifact.finished import Manifest, read_manifest, record_file
from malmoi.errors import MalmoiError
from malmoi.shards.check import decode_sentence, verify_shards
from malmoi.shards.format import Shards, check_tokenizer, ids_dtype, tokenizer_digest
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.limits import few_files
from tests.tiny.korean import DOCUMENTS, SENTENCES


def _resign(shards: Path) -> None:
    """Make the manifest agree with the files, as if the damage had been there when they were written."""
    manifest = read_manifest(shards)
    files = {name: record_file(shards / name) for name in manifest.files}
    write_json(shards / "manifest.json", Manifest(**{**manifest.model_dump(), "files": files}).model_dump())


def _fails(shards: Path, verify: bool = False) -> MalmoiError:
    with pytest.raises(MalmoiError) as error:
        Shards.open(shards, verify=verify)
    return error.value


def test_arrays_are_mapped_not_read(shards: Path) -> None:
    part = Shards.open(shards).train[0]
    assert isinstance(part.ids, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        part.ids[0] = 1


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts its open files in /proc")
def test_more_arrays_than_the_usual_limit_on_open_files(shards: Path) -> None:
    with few_files(6):
        opened = Shards.open(shards)  # three parts of four arrays
    assert len(opened.train) + len(opened.heldout) == 3


def test_cut_file(shards: Path) -> None:
    path = shards / "part-00000" / "ids.npy"
    path.write_bytes(path.read_bytes()[:-10])
    assert _fails(shards).code == "MM0013"
    _resign(shards)
    error = _fails(shards)
    assert (error.code, error.where) == ("MM0301", str(path))
    path.write_bytes(b"")
    _resign(shards)
    assert _fails(shards).code == "MM0301"


def test_changed_file_of_the_same_size_is_found_by_verify(shards: Path) -> None:
    path = shards / "part-00000" / "ids.npy"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    Shards.open(shards)
    error = _fails(shards, verify=True)
    assert (error.code, error.values["reason"]) == ("MM0013", "SHA-256")


def test_pickled_objects_are_never_opened(shards: Path) -> None:
    np.save(shards / "part-00000" / "ids.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    _resign(shards)
    assert _fails(shards).code == "MM0301"


@pytest.mark.parametrize(
    ("name", "array", "detail"),
    [
        ("ids", np.zeros(3, np.int64), "int64[3]"),
        ("ids", np.zeros((3, 1), np.uint16), "uint16[3, 1]"),
        ("flags", np.zeros(3, np.uint8), "3 ≠ "),
        ("sentences", np.array([0, 5]), "0 … 5 ≠ 0 … "),
        ("documents", np.zeros(0, np.int64), "[] ≠ 0 … "),
    ],
)
def test_arrays_that_contradict_each_other(shards: Path, name: str, array: np.ndarray, detail: str) -> None:
    np.save(shards / "part-00001" / f"{name}.npy", array)
    _resign(shards)
    error = _fails(shards)
    assert (error.code, error.where) == ("MM0302", str(shards / "part-00001" / f"{name}.npy"))
    assert detail in error.what


@pytest.mark.parametrize("name", ["sentences", "documents"])
def test_offsets_out_of_order(shards: Path, name: str) -> None:
    path = shards / "part-00000" / f"{name}.npy"
    offsets = np.load(path)
    offsets[1], offsets[2] = offsets[2], offsets[1]
    np.save(path, offsets)
    _resign(shards)
    Shards.open(shards)
    assert (_fails(shards, verify=True).code, _fails(shards, verify=True).where) == ("MM0302", str(path))


def test_document_inside_a_sentence_and_sentence_inside_a_word(shards: Path) -> None:
    path = shards / "part-00000" / "documents.npy"
    good = np.load(path)
    documents = good.copy()
    documents[1] += 1
    np.save(path, documents)
    _resign(shards)
    assert _fails(shards, verify=True).where == str(path)
    np.save(path, good)
    flags = shards / "part-00000" / "flags.npy"
    np.save(flags, np.zeros_like(np.load(flags)))
    _resign(shards)
    assert _fails(shards, verify=True).where == str(flags)


def test_ids_beyond_the_vocabulary(shards: Path) -> None:
    path = shards / "part-00000" / "ids.npy"
    ids = np.load(path)
    ids[3] = 9_999
    np.save(path, ids)
    _resign(shards)
    error = _fails(shards, verify=True)
    assert (error.code, error.what) == ("MM0303", "id 9999 is beyond the vocabulary of 290.")


def test_tokenizer_must_be_the_one(shards: Path, tokenizer: Path, small: WordPiece, tmp_path: Path) -> None:
    opened = Shards.open(shards)
    check_tokenizer(opened, tokenizer)
    swapped = [*small.entries[:-2], small.entries[-1], small.entries[-2]]
    WordPiece(swapped).save(tmp_path / "swapped")
    WordPiece(small.entries, lower_case=True).save(tmp_path / "lower")
    for name in ("swapped", "lower"):
        with pytest.raises(MalmoiError, match="MM0305"):
            check_tokenizer(opened, tmp_path / name)
    with pytest.raises(MalmoiError, match="MM0304"):
        check_tokenizer(opened, shards)
    # What another tool rewrites without changing an id does not count.
    (tokenizer / "tokenizer.json").write_text("{}")
    check_tokenizer(opened, tokenizer)


def test_digest_is_of_content(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path / "a")
    small.save(tmp_path / "b")
    assert tokenizer_digest(tmp_path / "a") == tokenizer_digest(tmp_path / "b")


def test_verify_shows_sentences_of_the_corpus(shards: Path) -> None:
    for part, sentence in verify_shards(shards, seed=1):
        assert part.startswith(("part-0000", "heldout-0000"))
        assert sentence in SENTENCES


def test_every_sentence_decodes_to_its_text(shards: Path) -> None:
    opened = Shards.open(shards)
    tokenizer = load_tokenizer(opened.tokenizer_folder)
    part = opened.heldout[0]
    wanted = [sentence for document in DOCUMENTS[17:] for sentence in document]
    assert [decode_sentence(tokenizer, part, index) for index in range(len(wanted))] == wanted


def test_sizes_of_ids() -> None:
    assert [ids_dtype(size) for size in (32_000, 65_535, 65_536)] == [np.uint16, np.uint16, np.uint32]


def test_reading_needs_no_text_libraries() -> None:
    code = (
        "import malmoi.shards.format, sys;"
        "assert not {'tokenizers', 'tokie', 'polars', 'torch', 'typer'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
