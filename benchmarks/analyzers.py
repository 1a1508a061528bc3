"""How fast the morpheme analyzers are, and what a second core, a user dictionary and the cache bring.

    python benchmarks/analyzers.py [MB]

MB (1e6 bytes of UTF-8) per CPU second of one core on Wikipedia and on film reviews; the slower of the two is
the claim. What two cores bring is wall clock, on a quiet machine. Contenders take turns, and medians are
compared. Without the shared data beside the repository it says so.
"""

from __future__ import annotations

import lzma
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from against.rounds import claim, ratio

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"
TEXTS = ("kowiki", "nsmc_reviews")
ROUNDS = 5
KIWI_SHARE = 40  # Kiwi is some fifteen times slower, and gets that much less text
WALL = {
    "mecab analyze, wall",
    "mecab analyze, two processes",
    "kiwi analyze, wall",
    "kiwi analyze, two threads",
}


def main(megabytes: float) -> None:
    if not (SHARED / f"{TEXTS[0]}.txt.xz").exists():
        print(f"no text to measure on: {SHARED}")
        rates: dict[str, dict[str, float]] = {}
    else:
        rates = {name: measure(name, read(name, megabytes)) for name in TEXTS}

    def slowest(contender: str) -> float | None:
        return min((found[contender] for found in rates.values()), default=None)

    def worst(over: str, under: str) -> float | None:
        return min((ratio(found[over], found[under]) or 0 for found in rates.values()), default=None)

    if rates:
        print(f"kiwi analyze: {slowest('kiwi analyze'):.2f} MB/s")
        print(f"kiwi, two threads over one: {worst('kiwi analyze, two threads', 'kiwi analyze, wall'):.2f}")
    claim("mecab-surfaces-mb-per-second", slowest("mecab surfaces"), 1.5)
    claim("mecab-analyze-mb-per-second", slowest("mecab analyze"), 0.5)
    several = (os.cpu_count() or 1) > 1
    claim(
        "mecab-two-processes-over-one",
        worst("mecab analyze, two processes", "mecab analyze, wall") if several else None,
        1.8,
    )


def measure(name: str, lines: list[str]) -> dict[str, float]:
    """MB of each contender per second of CPU of this process, or per second of wall clock for `two …`."""
    from malmoi.analyzers import open_analyzer
    from malmoi.analyzers.cache import Cached
    from malmoi.analyzers.parallel import open_parallel

    few = lines[::KIWI_SHARE]
    size, few_size = (sum(len(line.encode()) for line in some) / 1e6 for some in (lines, few))
    print(f"{name}: {size:.1f} MB, {len(lines):,} lines; for Kiwi {few_size:.2f} MB")
    with tempfile.TemporaryDirectory() as folder:
        dictionary = Path(folder) / "words.txt"
        eojeols = sorted({word for line in lines[:5_000] for word in line.split() if len(word) > 4})
        dictionary.write_text("\n".join(word for word in eojeols[:: len(eojeols) // 1_000] if word[0] != "#"))
        mecab, kiwi = open_analyzer("mecab"), open_analyzer("kiwi")
        knowing = open_analyzer("mecab", dictionary)
        with (
            open_parallel("mecab", workers=2) as mecabs,
            open_parallel("kiwi", workers=2) as kiwis,
            Cached(kiwi, Path(folder) / "cache.db") as cached,
        ):
            contenders: dict[str, tuple[float, Callable[[], object]]] = {
                "mecab surfaces": (size, lambda: mecab.surfaces(lines)),
                "mecab analyze": (size, lambda: mecab.analyze(lines)),
                "mecab analyze, wall": (size, lambda: mecab.analyze(lines)),
                "mecab analyze, two processes": (size, lambda: mecabs.analyze(lines)),
                "mecab analyze, 1,000 words of the user": (size, lambda: knowing.analyze(lines)),
                "kiwi analyze": (few_size, lambda: kiwi.analyze(few)),
                "kiwi analyze, wall": (few_size, lambda: kiwi.analyze(few)),
                "kiwi analyze, two threads": (few_size, lambda: kiwis.analyze(few)),
                "kiwi analyze, from the cache": (few_size, lambda: cached.analyze(few)),
            }
            for _, work in contenders.values():
                work()  # once to warm up: tables, processes, the cache
            seconds: dict[str, list[float]] = {contender: [] for contender in contenders}
            for _ in range(ROUNDS):
                for contender, (_, work) in contenders.items():
                    clock = time.perf_counter if contender in WALL else time.process_time
                    begun = clock()
                    work()
                    seconds[contender].append(clock() - begun)
    rates = {contender: contenders[contender][0] / median(took) for contender, took in seconds.items()}
    for contender, rate in rates.items():
        print(f"  {contender:40} {rate:7.2f} MB/s")
    return rates


def read(name: str, megabytes: float) -> list[str]:
    """The first `megabytes` of a corpus, its lines that are not empty."""
    lines: list[str] = []
    with lzma.open(SHARED / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
        size = 0
        while size < megabytes * 1e6 and (line := next(stream, "")):
            if text := line.removesuffix("\n"):
                lines.append(text)
                size += len(text.encode())
    return lines


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 8.0)
