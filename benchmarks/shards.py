"""Claims: text becomes shards at 20 MB per CPU second, at least 10 times as fast as run_mlm.py's tokenizing
and grouping (2 times without tokie); a second core brings 1.8 times.

    python benchmarks/shards.py [--quick | --cores]

The peer is `datasets.map` over the two functions of transformers' run_mlm.py (examples, language-modeling);
where `datasets` is not installed, the same functions run over plain batches of 1,000 lines, which is faster
than `map` (nothing is written). `--quick`: a few MB, no claim worth quoting. `--cores`: two cores alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from against.cpu import VOCABULARY, WIKI, faster, read_lines, some_lines, take_turns
from against.rounds import claim

from malmoi.shards.encode import EncodeSpec, encode_slice
from malmoi.tokenizer.load import load_tokenizer

BATCH = 1_000  # of datasets.map
COPIES = 3
QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
ROW = 128
OURS, PLAIN, PEER = "malmoi: file to shards", "malmoi without tokie", "run_mlm.py: map + group_texts"


def main(quick: bool, cores_only: bool) -> None:
    if not (WIKI.exists() and VOCABULARY.exists()):
        print(f"not there: {WIKI}, {VOCABULARY}")
        rates: dict[str, list[float]] = {}
        cores = None
    else:
        with tempfile.TemporaryDirectory() as folder:
            rates = {} if cores_only else speeds(Path(folder), 3 if quick else 16, rounds=3 if quick else 7)
            cores = None if quick or (os.cpu_count() or 1) < 2 else second_core(Path(folder))
    claim("shards-mb-per-cpu-second", median(rates[OURS]) if rates else None, 20, ".1f")
    claim("shards-vs-run-mlm", faster(rates, OURS, PEER), 10, ".1f")
    claim("shards-without-tokie-vs-run-mlm", faster(rates, PLAIN, PEER), 2, ".1f")
    claim("shards-two-cores", cores, 1.8)


def speeds(folder: Path, megabytes: float, rounds: int) -> dict[str, list[float]]:
    lines, size = some_lines(WIKI, megabytes)
    lines = [line for line in lines if line]  # run_mlm.py drops them from line-by-line text as well
    load_tokenizer(VOCABULARY).save(folder / "tokenizer")
    (folder / "part.txt").write_text("\n".join(lines), "utf-8")
    end = (folder / "part.txt").stat().st_size

    def build(engine: Any) -> Callable[[], object]:
        place = folder / engine
        place.mkdir()
        spec = EncodeSpec(folder / "part.txt", 0, end, folder / "tokenizer", engine, digest=engine)
        return lambda: encode_slice(spec, place)

    from malmoi.tokenizer.wordpiece.engine import _load_tokie

    contenders = {OURS: build("auto"), PLAIN: build("tokenizers"), PEER: run_mlm(folder, lines)}
    library = load_tokenizer(VOCABULARY)._library  # type: ignore[attr-defined]
    if _load_tokie(library) is None:
        print("tokie is not installed: malmoi runs without")
    return take_turns(contenders, rounds, size)


def run_mlm(folder: Path, lines: list[str]) -> Callable[[], object]:
    """run_mlm.py's `tokenize_function` and `group_texts`, by `datasets` or plainly."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")

    def tokenize(examples: dict[str, list[str]]) -> Any:
        return tokenizer(examples["text"], return_special_tokens_mask=True)

    def group_texts(examples: Any) -> dict[str, list[list[int]]]:
        joined = {name: list(chain(*examples[name])) for name in examples}
        total = len(next(iter(joined.values()))) // ROW * ROW
        return {name: [t[i : i + ROW] for i in range(0, total, ROW)] for name, t in joined.items()}

    try:
        import datasets
    except ImportError:
        print("datasets is not installed: plain batches of 1,000 lines instead, and nothing is written")

        def plainly() -> None:
            for at in range(0, len(lines), BATCH):
                group_texts(tokenize({"text": lines[at : at + BATCH]}))

        return plainly

    datasets.disable_caching()
    datasets.disable_progress_bars()
    raw = datasets.Dataset.from_dict({"text": lines})

    def mapped() -> None:
        tokens = raw.map(tokenize, batched=True, remove_columns=["text"])
        tokens.map(group_texts, batched=True)

    return mapped


def second_core(folder: Path) -> float:
    """How many times as fast the whole command is on two cores with two workers as on one core, by the clock:
    needs a machine with nothing else to do.

    One core is meant: a lone worker's libraries would take both (tokie threads by itself). The text is all of
    Wikipedia three times over, 0.9 GB, because starting takes about a second however long the text is.
    """
    words = [sys.executable, "-m", "malmoi", "--quiet"]
    ratios: dict[int, float] = {}
    took: dict[tuple[int, int], float] = {}
    for copies in (1, COPIES):
        wiki = folder / f"wiki-{copies}.txt"
        with wiki.open("w", encoding="utf-8") as stream:
            for _ in range(copies):
                stream.writelines(f"{line}\n" for line in read_lines(WIKI))
        corpus = folder / f"corpus-{copies}"
        keep = ["--set", "corpus.dedup_documents=false", "--set", "corpus.dedup_sentences=false"]
        subprocess.run(
            [*words, "corpus", "build", f"{wiki}", "--out", f"{corpus}", *keep], check=True, **QUIET
        )
        wiki.unlink()
        found: list[float] = []
        rounds: list[dict[int, float]] = []
        for number in range(3):
            seconds = {
                workers: seconds_on(
                    workers, [*words, "shards", "build", f"{corpus}", f"{VOCABULARY}"], folder
                )
                for workers in (1, 2)
            }
            rounds.append(seconds)
            found.append(seconds[1] / seconds[2])
            told = f"one core {seconds[1]:.1f} s, two {seconds[2]:.1f} s"
            print(f"  {copies} x Wikipedia, round {number + 1}: {told}, {found[-1]:.2f}", flush=True)
        ratios[copies] = median(found)
        took |= {(copies, cores): median(seconds[cores] for seconds in rounds) for cores in (1, 2)}
    more = (took[COPIES, 1] - took[1, 1]) / (took[COPIES, 2] - took[1, 2])
    told = f"{ratios[1]:.2f} on Wikipedia once, {ratios[COPIES]:.2f} on {COPIES} times as much"
    print(f"two cores: {told}, {more:.2f} for each MB more")
    return ratios[COPIES]


def seconds_on(cores: int, command: list[str], folder: Path) -> float:
    """Wall clock of a build with as many workers as cores."""
    usable = sorted(os.sched_getaffinity(0))
    out = folder / "shards"
    os.sched_setaffinity(0, usable[:cores])  # what the child inherits
    begun = time.perf_counter()
    try:
        subprocess.run([*command, "--out", f"{out}", "--workers", f"{cores}"], check=True, **QUIET)
    finally:
        os.sched_setaffinity(0, usable)
    seconds = time.perf_counter() - begun
    shutil.rmtree(out)
    return seconds


if __name__ == "__main__":
    main("--quick" in sys.argv[1:], "--cores" in sys.argv[1:])
