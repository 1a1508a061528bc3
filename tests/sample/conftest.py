"""The sample's files, written once for all tests."""

from __future__ import annotations

import pytest

from malmoi.sample.write import sample_files


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """Name → bytes of every file of the default sample."""
    return dict(sample_files(7))
