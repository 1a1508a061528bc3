"""The cache answers as the analyzer does, asks it once, and outlives kills, rivals, damage, a full disk."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from malmoi.analyzers import Analyzer, Morphemes, Surfaces, open_analyzer
from malmoi.analyzers.cache import Cached
from malmoi.errors import MalmoiError
from tests.tiny.korean import ODD, SENTENCES
from tests.tokenizer.analyzers.texts import MIXED


class Counting:
    """Mecab that remembers what it was asked."""

    def __init__(self, user_dictionary: Path | None = None) -> None:
        self._analyzer = open_analyzer("mecab", user_dictionary)
        self.asked: list[str] = []

    @property
    def name(self) -> str:
        return self._analyzer.name

    @property
    def identity(self) -> dict[str, str]:
        return self._analyzer.identity

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        self.asked += texts
        return self._analyzer.analyze(texts)

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        self.asked += texts
        return self._analyzer.surfaces(texts)


def _same(left: Morphemes | Surfaces, right: Morphemes | Surfaces) -> bool:
    if isinstance(left, Morphemes) and isinstance(right, Morphemes):
        assert (left.lemmas, left.tags) == (right.lemmas, right.tags)
    assert left.spans.dtype == right.spans.dtype and left.counts.dtype == right.counts.dtype
    return left.spans.tolist() == right.spans.tolist() and left.counts.tolist() == right.counts.tolist()


def test_every_text_is_asked_once(tmp_path: Path) -> None:
    inner = Counting()
    texts = [*SENTENCES[:20], *ODD, *SENTENCES[:20]]
    with Cached(inner, tmp_path / "deep" / "cache.db") as cached:
        assert _same(cached.analyze(texts), inner._analyzer.analyze(texts))
        assert sorted(inner.asked) == sorted(set(texts))
        assert _same(cached.surfaces(texts), inner._analyzer.surfaces(texts))
        assert cached.analyze([]).spans.shape == (0, 2)
    inner.asked.clear()
    with Cached(inner, tmp_path / "deep" / "cache.db") as cached:
        assert _same(cached.analyze([*texts, "새 글이다."]), inner._analyzer.analyze([*texts, "새 글이다."]))
        assert _same(cached.surfaces(texts), inner._analyzer.surfaces(texts))
        assert (cached.name, cached.identity) == (inner.name, inner.identity)
    assert inner.asked == ["새 글이다."]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(MIXED, max_size=5))
def test_any_text_comes_back_as_it_was(
    tmp_path: Path, analyzers: dict[str, Analyzer], texts: list[str]
) -> None:
    mecab = analyzers["mecab"]
    with Cached(mecab, tmp_path / "cache.db") as cached:
        for _ in range(2):
            assert _same(cached.analyze(texts), mecab.analyze(texts))
            assert _same(cached.surfaces(texts), mecab.surfaces(texts))


def test_another_dictionary_is_another_answer(tmp_path: Path, dictionary: Path) -> None:
    plain, knowing = Counting(), Counting(dictionary)
    for inner, expected in ((plain, False), (knowing, True)):
        with Cached(inner, tmp_path / "cache.db") as cached:
            assert ("낱말모이" in cached.analyze(["낱말모이가 있다."]).lemmas) is expected
    assert plain.asked == knowing.asked == ["낱말모이가 있다."]


def test_the_oldest_answers_give_way(tmp_path: Path) -> None:
    inner = Counting()
    texts = [f"{number}번째 문장을 여기에 쓴다." for number in range(16_000)]
    with Cached(inner, tmp_path / "cache.db", most_mb=1) as cached:
        for at in range(0, len(texts), 1_000):
            cached.analyze(texts[at : at + 1_000])
            assert cached._size() < 1_200_000
        inner.asked.clear()
        cached.analyze(texts[-500:])
        assert inner.asked == []
        cached.analyze(texts[:500])
        assert inner.asked == texts[:500]
    assert (tmp_path / "cache.db").stat().st_size < 1_500_000


def test_a_damaged_row_is_computed_again(tmp_path: Path) -> None:
    inner = Counting()
    with Cached(inner, tmp_path / "cache.db") as cached:
        cached.analyze(["첫 글이다.", "둘째 글이다."])
        (row,) = cached._file.execute("SELECT answer FROM answers WHERE rowid = 1").fetchone()
        cached._file.execute("UPDATE answers SET answer = ? WHERE rowid = 1", [row[:-1] + b"X"])
        cached._file.execute("UPDATE answers SET answer = ? WHERE rowid = 2", [b"x"])
        inner.asked.clear()
        expected = inner._analyzer.analyze(["첫 글이다.", "둘째 글이다."])
        assert _same(cached.analyze(["첫 글이다.", "둘째 글이다."]), expected)
    assert sorted(inner.asked) == ["둘째 글이다.", "첫 글이다."]


def test_a_file_that_is_no_cache_is_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("중요한 글. " * 200, "utf-8")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE mine (x)")
    for path in (notes, other, tmp_path, notes / "cache.db"):
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises(MalmoiError) as caught:
            Cached(Counting(), path)
        assert (caught.value.code, caught.value.where) == ("MM0226", str(path))
        assert not path.is_file() or path.read_bytes() == before


def test_a_full_disk_is_a_warning(tmp_path: Path) -> None:
    inner = Counting()
    with Cached(inner, tmp_path / "cache.db") as cached:
        cached._file.execute(
            f"PRAGMA max_page_count = {cached._file.execute('PRAGMA page_count').fetchone()[0]}"
        )
        texts = [f"{number}번째 문장을 여기에 쓴다." for number in range(500)]
        with pytest.warns(UserWarning, match="MM0227.*full"):
            found = cached.analyze(texts)
        assert _same(found, inner._analyzer.analyze(texts))
        assert _same(cached.analyze(texts), found)


WRITER = """
import sys
from pathlib import Path
from malmoi.analyzers import open_analyzer
from malmoi.analyzers import cache
cache.CHUNK = 200
with cache.Cached(open_analyzer("mecab"), Path(sys.argv[1])) as cached:
    print("ready", flush=True)
    for number in range(int(sys.argv[2])):
        cached.analyze([f"{number}번째 문장을 {n}번 여기에 쓴다." for n in range(20)])
"""


def _writer(path: Path, rounds: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", WRITER, str(path), str(rounds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_killed_while_it_writes(tmp_path: Path, analyzers: dict[str, Analyzer]) -> None:
    path = tmp_path / "cache.db"
    texts = [f"{number}번째 문장을 {n}번 여기에 쓴다." for number in range(300) for n in range(20)]
    for delay in (0.0, 0.03, 0.1):
        process = _writer(path, 100_000)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with Cached(analyzers["mecab"], path) as cached:
            assert cached._file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert _same(cached.analyze(texts), analyzers["mecab"].analyze(texts))


def test_two_processes_at_once(tmp_path: Path, analyzers: dict[str, Analyzer]) -> None:
    path = tmp_path / "cache.db"
    writers = [_writer(path, 60) for _ in range(3)]
    assert [process.wait() for process in writers] == [0, 0, 0]
    for process in writers:
        assert process.stdout is not None
        process.stdout.close()
    texts = [f"{number}번째 문장을 {n}번 여기에 쓴다." for number in range(60) for n in range(20)]
    inner = Counting()
    with Cached(inner, path) as cached:
        assert _same(cached.analyze(texts), analyzers["mecab"].analyze(texts))
    assert inner.asked == []
