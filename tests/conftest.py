"""Fixtures every test may use: English messages, and the shared data beside the repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from malmoi import messages

# Where a red run would block others the examples are always the same; new ones are looked for at every desk.
# A deadline would be a clock in the tests: a busy machine is no fault.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# What is analyzed here stays out of the cache of whoever runs the tests.
os.environ["MALMOI_CACHE_MB"] = "0"

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Error texts are compared in English, whatever the machine's locale."""
    messages.set_language("en")
    yield
    messages.set_language(None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real Korean data, `shared/data` beside the repository; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("shared/data is not beside the repository")
    return SHARED
