"""On several cores the answers are those of one, in order; a process that dies is an error, not a hang."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.analyzers import Analyzer, parallel
from malmoi.analyzers.parallel import open_parallel
from malmoi.errors import MalmoiError
from tests.tiny.korean import ODD, SENTENCES

TEXTS = [*SENTENCES, *ODD, *SENTENCES[::-1]]


@pytest.mark.parametrize("name", ["mecab", "kiwi"])
def test_the_same_answers(name: str, analyzers: dict[str, Analyzer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PORTION", 700)
    texts = TEXTS if name == "mecab" else TEXTS[::5]
    with open_parallel(name, workers=2) as analyzer:
        found, expected = analyzer.analyze(texts), analyzers[name].analyze(texts)
        assert (found.lemmas, found.tags) == (expected.lemmas, expected.tags)
        assert found.spans.tolist() == expected.spans.tolist()
        assert found.counts.tolist() == expected.counts.tolist()
        surfaces = analyzer.surfaces(texts)
        assert surfaces.spans.tolist() == analyzers[name].surfaces(texts).spans.tolist()
        assert analyzer.surfaces([]).counts.tolist() == []
        assert analyzer.analyze(["가다"]).lemmas == ["가", "다"]
        assert (analyzer.name, analyzer.identity) == (name, analyzers[name].identity)


def test_words_of_the_user_reach_the_processes(dictionary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PORTION", 100)
    with open_parallel("mecab", dictionary, workers=2) as analyzer:
        assert analyzer.analyze(["낱말모이가 있다."] * 30).lemmas.count("낱말모이") == 30


def test_portions_leave_no_process_idle() -> None:
    with open_parallel("mecab", workers=2) as analyzer:
        assert isinstance(analyzer, parallel._Processes)
        texts = ["가" * 9] * 20_000
        portions = analyzer._portions(texts)
        assert [text for portion in portions for text in portion] == texts
        assert [len(portion) for portion in portions] == [10_000, 10_000]
        assert [len(portion) for portion in analyzer._portions(texts[:4_000])] == [2_000, 2_000]
        assert analyzer._portions(texts[:10]) == [texts[:10]]
        assert analyzer._portions(["", ""]) == [["", ""]] and analyzer._portions([]) == []


def test_one_worker_is_no_pool() -> None:
    with open_parallel("mecab", workers=1) as analyzer:
        assert not isinstance(analyzer, parallel._Processes)


def test_a_process_that_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "PORTION", 100)
    with open_parallel("mecab", workers=2) as analyzer, pytest.raises(MalmoiError) as caught:
        assert isinstance(analyzer, parallel._Processes)
        analyzer.analyze(SENTENCES)
        for process in list(analyzer._pool._processes.values()):
            os.kill(process.pid or 0, signal.SIGKILL)
        analyzer.analyze(SENTENCES)
    assert caught.value.code == "MM0017"


def test_mistakes_are_told_before_any_process_starts(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as caught, open_parallel("mecab", tmp_path / "none.txt", workers=2):
        pass
    assert caught.value.code == "MM0222"


def test_processes_end_with_their_parent() -> None:
    code = """
import os
from malmoi.analyzers import parallel
if __name__ == "__main__":
    parallel.PORTION = 10
    with parallel.open_parallel("mecab", workers=2) as analyzer:
        analyzer.analyze(["우리는 걷는다."] * 50)
        print(*analyzer._pool._processes, flush=True)
        os.kill(os.getpid(), 9)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600).stdout
    # The pipe is at its end, so every process that held it is gone.
    assert len(out.split()) == 2
