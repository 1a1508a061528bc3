"""Matching holds no file open for each slice, and no more than a slice of what is repeated."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from malmoi.corpus.dedup import BOILERPLATE, DUPLICATE, drops_of_slice, match, plan_matches, write_records
from tests.limits import few_files


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts its open files in /proc")
def test_more_slices_than_files_may_be_open(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(40)]
    for folder in folders:  # each holds 7, and one hash of its own
        folder.mkdir()
        write_records(folder, "lines", np.array([7, 100 + int(folder.name)]), np.arange(2), np.arange(2))
    (spec,) = plan_matches(folders, "lines", duplicates=True, boilerplate=0)
    with few_files(20):
        assert match(spec, tmp_path)["records"] == 80
    assert [drops_of_slice([tmp_path], n)[0].tolist() for n in range(40)] == [[]] + [[0]] * 39


@pytest.mark.parametrize("boilerplate", [0, 3])
def test_memory_does_not_grow_with_the_copies_of_a_sentence(tmp_path: Path, boilerplate: int) -> None:
    def peak(slices: int) -> int:
        folders = [tmp_path / f"{slices}-{number}" for number in range(slices)]
        places = np.arange(100_000)
        for folder in folders:
            folder.mkdir()
            write_records(folder, "lines", np.full(len(places), 7, np.uint64), places, places // 2)
        (spec,) = plan_matches(folders, "lines", duplicates=True, boilerplate=boilerplate)
        tracemalloc.start()
        found = match(spec, folders[0])
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found["records"] == slices * len(places)
        for number in range(slices):
            dropped, codes = drops_of_slice([folders[0]], number)
            kept = 0 if boilerplate or number else 1
            assert dropped.tolist() == list(range(kept, len(places)))
            assert set(codes.tolist()) == {BOILERPLATE if boilerplate else DUPLICATE}
        return top

    assert peak(12) < 1.3 * peak(3)
