"""One tokenizer for several threads: one analyzer, one cache, no warning."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from malmoi.analyzers import Analyzer, open_analyzer
from malmoi.analyzers.cache import Cached
from malmoi.analyzers.lazy import Lazy


@pytest.mark.filterwarnings("error")
def test_threads_share_a_cache(tmp_path: Path, analyzers: dict[str, Analyzer]) -> None:
    kiwi = analyzers["kiwi"]
    texts = [f"{number}번째 손님이 국밥을 시켰다." for number in range(80)]
    with Cached(kiwi, tmp_path / "cache.db") as kept:
        with ThreadPoolExecutor(4) as pool:
            # Every text is asked for by two threads.
            found = list(pool.map(lambda n: kept.analyze(texts[n % 4 :: 4]), range(8)))
        assert kept._file.execute("SELECT count(*) FROM answers").fetchone() == (80,)
        for number, answer in enumerate(found):
            assert answer.lemmas == kiwi.analyze(texts[number % 4 :: 4]).lemmas
        assert kept._works


def test_many_threads_write_and_read(tmp_path: Path) -> None:
    mecab = open_analyzer("mecab")
    lock = threading.Lock()  # Mecab's own tagger is one thread's at a time

    class OneByOne:
        name, identity = mecab.name, mecab.identity

        def analyze(self, texts):  # type: ignore[no-untyped-def]
            with lock:
                return mecab.analyze(texts)

        surfaces = analyze

    with warnings.catch_warnings(), Cached(OneByOne(), tmp_path / "cache.db", most_mb=1) as kept:
        warnings.simplefilter("error")
        with ThreadPoolExecutor(8) as pool:
            jobs = [[f"{n % 60}번 줄의 {k}번째 낱말이다." for k in range(50)] for n in range(240)]
            found = list(pool.map(kept.analyze, jobs))
        assert [answer.lemmas for answer in found[:60]] == [mecab.analyze(job).lemmas for job in jobs[:60]]


def test_collected_in_another_thread(tmp_path: Path) -> None:
    """Python says on stderr what fails while it collects, and goes on."""
    code = """
import gc, sys, threading
from pathlib import Path
from malmoi.analyzers import open_analyzer
from malmoi.analyzers.cache import Cached
box = []
def work():
    box.append(Cached(open_analyzer("mecab"), Path(sys.argv[1])))
    box[0].analyze(["산길을 올랐다."])
thread = threading.Thread(target=work)
thread.start()
thread.join()
box.clear()
gc.collect()
"""
    words = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "cache.db")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_threads_open_one_analyzer() -> None:
    opened: list[Analyzer] = []

    def opener() -> Analyzer:
        time.sleep(0.05)
        opened.append(open_analyzer("mecab"))
        return opened[-1]

    late = Lazy({"analyzer": "mecab"}, opener)
    with ThreadPoolExecutor(8) as pool:
        assert len({id(found) for found in pool.map(lambda _: late.opened, range(8))}) == 1
    assert len(opened) == 1 and late.identity == opened[0].identity


def test_an_opener_that_fails_is_asked_again() -> None:
    answers: list[Exception | None] = [OSError("not yet"), None]

    def opener() -> Analyzer:
        if error := answers.pop(0):
            raise error
        return open_analyzer("mecab")

    late = Lazy({"analyzer": "mecab"}, opener)
    with pytest.raises(OSError, match="not yet"):
        late.surfaces(["비가 왔다."])
    assert late.identity == {"analyzer": "mecab"}
    assert late.surfaces(["비가 왔다."]).counts.tolist() == [5]
