"""Fixtures every test may use: English messages, the shared data beside the repository, tiny artifacts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import kiwipiepy
import pytest
from hypothesis import settings

from malmoi import messages
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.labelled import SYLLABLES
from tests.tiny.pipeline import make_pipeline
from tests.tiny.texts import write_raw
from tests.tiny.tokenizers import learned_wordpiece

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


@pytest.fixture(scope="session", autouse=True)
def one_kiwi() -> Iterator[None]:
    """Opened once: its model takes two seconds (and 0.5 GB), and is not changed by what it is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kiwipiepy, "Kiwi", lru_cache(1)(kiwipiepy.Kiwi))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real Korean data, `shared/data` beside the repository; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("shared/data is not beside the repository")
    return SHARED


# ---- what tests/tiny/ builds: read it, copy it, do not change it (torch is imported where it is needed)


@pytest.fixture(scope="session")
def small() -> WordPiece:
    """A vocabulary learned from our few sentences."""
    return learned_wordpiece()


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus/, tokenizer/ and shards/ made by the real stages."""
    folder = tmp_path_factory.mktemp("pipeline")
    return make_pipeline(write_raw(folder / "raw.txt"), folder)


@pytest.fixture(scope="session")
def shards(pipeline: Path) -> Path:
    return pipeline / "shards"


@pytest.fixture(scope="session")
def undisturbed(pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of twelve steps over these shards."""
    from tests.tiny.runs import train

    return train(pipeline / "shards", tmp_path_factory.mktemp("undisturbed") / "run")


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A masked LM of 1 x 32 that has learned nothing, and reads reviews."""
    from tests.tiny.checkpoints import write_checkpoint

    folder = tmp_path_factory.mktemp("checkpoint") / "step-1"
    write_checkpoint(folder, SYLLABLES, seed=5)
    return folder
