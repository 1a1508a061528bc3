from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.analyzers import ANALYZERS, Analyzer, open_analyzer

WORDS = {
    "낱말모이": "NNP",
    "모이소": "NNG",
    "빅데이타": "NNG",
    "AI": "SL",
    "C++": "SL",
    "하늬바람결": "NNP",
    "^^": "IC",
}


@pytest.fixture(scope="session")
def analyzers() -> dict[str, Analyzer]:
    return {name: open_analyzer(name) for name in ANALYZERS}


@pytest.fixture(scope="session", params=list(ANALYZERS))
def analyzer(request: pytest.FixtureRequest, analyzers: dict[str, Analyzer]) -> Analyzer:
    return analyzers[request.param]


@pytest.fixture(scope="session")
def dictionary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "words.txt"
    path.write_text("".join(f"{word}\t{tag}\n" for word, tag in WORDS.items()), "utf-8")
    return path


@pytest.fixture(scope="session", params=list(ANALYZERS))
def with_words(request: pytest.FixtureRequest, dictionary: Path) -> Analyzer:
    """An analyzer that knows WORDS."""
    return open_analyzer(request.param, dictionary)
