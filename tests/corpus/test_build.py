"""The whole stage: what is kept, in which order, and that workers, slices and cuts do not change it."""

from __future__ import annotations

import json
import lzma
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from malmoi.artifact.finished import read_manifest
from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.corpus.refine import content_hash
from malmoi.corpus.units import LONG
from malmoi.errors import MalmoiError
from tests.corpus.conftest import NEWS, Build
from tests.cuts import Cut, cut_at
from tests.tiny.corpus import read


def test_sentences_documents_and_manifest(news: Path, build: Build) -> None:
    documents, folder = build(news)
    assert documents == [
        [
            "서울시가 올해 안에 시내버스 정류장 백 곳에 온열 의자를 놓는다.",
            "예산은 모두 12억 원이다.",
            "시는 노약자가 많은 곳부터 설치하기로 했다.",
        ],
        [
            "부산에서는 어제 첫눈이 내렸다.",
            '기상청은 "평년보다 열흘 늦다"고 설명했다.',
            "출근길 도로가 얼어 사고가 잇따랐다.",
        ],
        ["한국은행이 기준금리를 연 3.5%로 동결했다.", "시장의 예상과 같은 결정이다."],
    ]
    manifest = read_manifest(folder, "corpus")
    assert manifest.counts["documents"] == 3
    assert manifest.counts["sentences"] == 8
    assert manifest.counts["chars"] == sum(len(s) for d in documents for s in d)
    assert manifest.counts["bytes"] == (folder / "part-00000.txt").stat().st_size
    assert not (folder / "work").exists()


def test_same_inputs_same_config_nothing_to_do(news: Path, build: Build) -> None:
    _, folder = build(news)
    before = (folder / "manifest.json").stat().st_mtime_ns
    build(news)
    assert (folder / "manifest.json").stat().st_mtime_ns == before
    build(news, min_chars=2)
    assert (folder / "manifest.json").stat().st_mtime_ns != before


POOL = [
    f"{who} {what}."
    for who in ("철수는 어제", "영희는 오늘", "아이들은 늘")
    for what in ("학교에 갔다", "책을 읽었다")
]


@pytest.mark.filterwarnings("ignore:MM0115")
@example([[POOL[0]], [POOL[0]]], 1, False, False)  # nothing is left but boilerplate
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from(POOL), min_size=1, max_size=5), min_size=1, max_size=12),
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
)
def test_deduplication_agrees_with_a_slow_loop(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[list[str]],
    boilerplate: int,
    by_document: bool,
    by_sentence: bool,
) -> None:
    folder = tmp_path_factory.mktemp("dedup")
    for number in range(0, len(documents), 5):  # three slices at most
        text = "\n\n".join("\n".join(document) for document in documents[number : number + 5])
        (folder / f"{number:02d}.txt").write_text(text, "utf-8")
    expected: list[list[str]] = []
    seen_documents: set[tuple[str, ...]] = set()
    alive = []
    for document in documents:
        if not (by_document and tuple(document) in seen_documents):
            alive.append(document)
        seen_documents.add(tuple(document))
    holders = Counter(sentence for document in alive for sentence in set(document))
    seen: set[str] = set()
    for document in alive:
        left = []
        for sentence in document:
            if not (boilerplate and holders[sentence] > boilerplate) and not (
                by_sentence and sentence in seen
            ):
                left.append(sentence)
            seen.add(sentence)
        expected += [left] if left else []
    config = CorpusConfig(
        inputs=[str(folder)],
        boilerplate=boilerplate,
        dedup_documents=by_document,
        dedup_sentences=by_sentence,
        heldout=0,
        slice_mb=0.0001,
    )
    if not expected:
        with pytest.raises(MalmoiError, match="MM0110"):
            build_corpus(config, folder / "out", Context(workers=1))
        return
    build_corpus(config, folder / "out", Context(workers=1))
    assert read(folder / "out") == expected


@pytest.fixture
def wiki(shared_data: Path, tmp_path: Path) -> Path:
    """Eight small pieces of real WikiExtractor output, some documents twice."""
    source = shared_data / "raw" / "kowiki_wikiextractor" / "AA" / "wiki_00.xz"
    documents = lzma.decompress(source.read_bytes()).decode().split("</doc>\n")[:120]
    documents += documents[:10]
    folder = tmp_path / "wiki"
    folder.mkdir()
    for number in range(8):
        piece = documents[number::8]
        (folder / f"wiki_{number:02d}").write_text(
            "".join(f"{d}</doc>\n" for d in piece if d.strip()), "utf-8"
        )
    return folder


def contents(folder: Path) -> tuple[str, str, Any]:
    """Training text, held-out text and audit, whatever the parts (their number shows in the bytes)."""
    texts = [
        "\n\n".join(part.read_text("utf-8").rstrip("\n") for part in parts)
        for parts in (training_parts(folder), heldout_parts(folder))
    ]
    stages = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]
    for side in stages["write"].values():
        del side["bytes"]
    return texts[0], texts[1], stages


def test_workers_and_slices_change_nothing(wiki: Path, build: Build) -> None:
    one = contents(build(wiki, out="one", heldout=0.1)[1])
    assert "duplicate_document" in str(one[2])
    many = build(wiki, out="many", heldout=0.1, slice_mb=0.01, workers=2)[1]
    assert len(training_parts(many)) == 8
    assert contents(many) == one


def test_heldout_is_chosen_by_content(wiki: Path, build: Build) -> None:
    _, folder = build(wiki, heldout=0.1)
    _, other = build(*sorted(wiki.iterdir(), reverse=True), out="other", heldout=0.1, dedup_sentences=False)
    _, plain = build(wiki, out="plain", heldout=0.1, dedup_sentences=False)
    held = {tuple(d.split("\n")) for d in contents(plain)[1].split("\n\n")}
    assert held == {tuple(d.split("\n")) for d in contents(other)[1].split("\n\n")}
    whole = [text for d in held if len(text := "\n".join(d)) < LONG]
    assert len(whole) > 1 and all(content_hash(text.encode(), 0) < 0.1 * 2**64 for text in whole)
    assert 2 <= len(held) <= 25
    training = {s for d in contents(folder)[0].split("\n\n") for s in d.split("\n")}
    assert not training & {s for d in contents(folder)[1].split("\n\n") for s in d.split("\n")}


def test_at_least_one_document_is_held_out_and_one_is_not(news: Path, build: Build) -> None:
    for share in (1e-9, 0.5):
        _, folder = build(news, out=str(share), heldout=share)
        counts = read_manifest(folder).counts
        assert counts["documents"] >= 1
        assert counts["heldout_documents"] >= 1


def test_one_document_cannot_be_held_out(tmp_path: Path, build: Build) -> None:
    path = tmp_path / "a.txt"
    path.write_text("문서가 하나뿐인 말뭉치입니다.", "utf-8")
    with pytest.warns(UserWarning, match="MM0116"):
        _, folder = build(path, heldout=0.01)
    assert heldout_parts(folder) == []


SCRIPT = """
import os, resource, signal, sys
from contextlib import contextmanager
from pathlib import Path
from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.errors import MalmoiError
from malmoi.progress import Reporter

folder, out, how, workers = sys.argv[1:]

class Step:
    def __init__(self, key):
        self.key, self.calls = key, 0
    def skip(self, amount):
        pass
    def advance(self, amount, detail=""):
        self.calls += 1
        if self.key == "corpus.cleaning" and self.calls == 3 and how.isdigit():
            os.kill(os.getpid(), int(how))

class Cutting(Reporter):
    @contextmanager
    def step(self, key, total, unit):
        yield Step(key)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
    if how == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
    config = CorpusConfig(inputs=[folder], slice_mb=0.01, heldout=0.1)
    try:
        build_corpus(config, Path(out), Context(Cutting(), workers=int(workers)))
    except MalmoiError as error:
        sys.exit(str(error))
"""


def run_script(
    tmp_path: Path, folder: Path, out: Path, how: str, workers: int
) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "cut.py"
    script.write_text(SCRIPT, "utf-8")
    command = [sys.executable, str(script), str(folder), str(out), how, str(workers)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGKILL, 1), (signal.SIGINT, 2)])
def test_a_cut_build_goes_on_and_ends_the_same(
    wiki: Path, tmp_path: Path, build: Build, number: int, workers: int
) -> None:
    _, whole = build(wiki, out="whole", heldout=0.1, slice_mb=0.01)
    out = tmp_path / "cut"
    ended = run_script(tmp_path, wiki, out, str(int(number)), workers)
    assert ended.returncode != 0
    assert not out.exists()
    work = tmp_path / "cut.tmp" / "work"
    done = [path.parent for path in (work / "refine").glob("*/done.json") if path.parent.suffix != ".tmp"]
    assert 3 <= len(done) < 8
    raw = sorted((work / "read").glob("*/*.txt"))
    for folder in done:  # finished slices are not done again: what they read may be gone
        raw[int(folder.name)].unlink()
    ended = run_script(tmp_path, wiki, out, "on", 1)
    assert ended.returncode == 0, ended.stderr
    assert contents(out) == contents(whole)
    assert [p.read_bytes() for p in training_parts(out)] == [p.read_bytes() for p in training_parts(whole)]


def test_a_build_cut_at_any_change_of_its_folders_goes_on(news: Path, build: Build) -> None:
    with cut_at(None) as changes:
        _, whole = build(news, out="whole", heldout=0.3)
    for number in range(changes.seen - 60, changes.seen, 4):  # writing, linking, deleting
        with pytest.raises(Cut), cut_at(number):
            build(news, out=f"cut{number}", heldout=0.3)
        _, out = build(news, out=f"cut{number}", heldout=0.3)
        assert contents(out) == contents(whole), number


@pytest.mark.parametrize("workers", [1, 2])
def test_full_disk(wiki: Path, tmp_path: Path, workers: int) -> None:
    ended = run_script(tmp_path, wiki, tmp_path / "out", "full", workers)
    assert "MM0015" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "out").exists()


def test_bad_files_stop_the_work_or_are_listed(news: Path, tmp_path: Path, build: Build) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.txt").write_text(NEWS, "utf-8")
    (folder / "b.bin").write_bytes(bytes(range(256)) * 9)
    (folder / "c.pdf").write_bytes(b"%PDF-1.7 ...")
    with pytest.raises(MalmoiError, match=r"MM0103.*c\.pdf"):
        build(folder)
    (folder / "c.pdf").unlink()
    with pytest.raises(MalmoiError, match=r"MM0106.*b\.bin"):
        build(folder)
    with pytest.warns(UserWarning, match=r"MM0113.*b\.bin"):
        documents, out = build(folder, on_bad_file="skip")
    assert documents == build(news, out="news")[0]
    files = json.loads((out / "audit.json").read_text("utf-8"))["files"]
    assert [file.get("skipped", {}).get("code") for file in files] == [None, "MM0106"]


def test_a_large_file_that_turns_out_bad_leaves_nothing(news: Path, tmp_path: Path, build: Build) -> None:
    large = tmp_path / "large.txt"
    text = "\n\n".join(f"{n}번째로 적은 줄은 이렇게 생겼습니다." for n in range(60_000))
    large.write_bytes(text.encode() + b"\xff" * 200_000)
    with pytest.warns(UserWarning, match="MM0113"):
        documents, _ = build(news, large, slice_mb=0.5, on_bad_file="skip")
    assert documents == build(news, out="news")[0]


def test_input_errors(tmp_path: Path, build: Build) -> None:
    with pytest.raises(MalmoiError, match="MM0112"):
        build()
    with pytest.raises(MalmoiError, match="MM0101"):
        build(tmp_path / "nowhere")
    with pytest.raises(MalmoiError, match="MM0101"):
        build(tmp_path / "*.nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MalmoiError, match="MM0102"):
        build(tmp_path / "empty")
    (tmp_path / "a.txt").write_text(" \n\n\n", "utf-8")
    with pytest.raises(MalmoiError, match="MM0109"):
        build(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("nothing Korean in here at all\n", "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0110[^\n]*\n[^\n]*'little Hangul'") as caught:
        build(tmp_path / "b.txt")
    assert caught.value.do.endswith("--set corpus.min_hangul=0")
    (tmp_path / "c.txt").write_text("<div></div>\n", "utf-8")
    with pytest.raises(MalmoiError, match="MM0109"):
        build(tmp_path / "c.txt")


def test_patterns_folders_and_doubles(news: Path, tmp_path: Path, build: Build) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    news.rename(tmp_path / "deep" / "er" / "b.txt")
    (tmp_path / "deep" / "a.txt").write_text("이 파일은 이름순으로 먼저 옵니다.", "utf-8")
    (tmp_path / "deep" / ".hidden").write_text("이 파일은 읽지 않습니다, 숨었습니다.", "utf-8")
    documents, folder = build(tmp_path / "deep", tmp_path / "deep" / "**" / "*.txt")
    assert documents[0] == ["이 파일은 이름순으로 먼저 옵니다."]
    assert len(documents) == 4
    assert len(json.loads((folder / "audit.json").read_text("utf-8"))["files"]) == 2
