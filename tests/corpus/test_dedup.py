"""Matching holds no file open for each slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from malmoi.corpus.dedup import drops_of_slice, match, plan_matches, write_records
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
