"""What an analyzer brings to a vocabulary, before any training: tokens per eojeol, [UNK], and how often
tokens start where morphemes do, for five ways to use it.

    python benchmarks/vocabularies.py [--analyzer mecab] [--sizes 8000,32000] [--mb 7] [--quick]

Learned from `--mb` MB, six parts of film reviews and one of encyclopedia; measured on 0.4 MB of each that was
not learned from. Nothing is timed. Precision and recall count the places inside eojeols: of those where a
token starts, how many are starts of morphemes, and the other way round.
"""

from __future__ import annotations

import argparse
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from against.rounds import claim
from numpy.typing import NDArray

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus"
TEXTS = {"reviews": ("nsmc_reviews", 6 / 7), "wiki": ("kowiki", 1 / 7)}
HELD_OUT_MB = 0.4
WAYS: dict[str, dict[str, Any]] = {
    "plain": {"kind": "wordpiece"},
    "KLUE: morphemes as words": {"kind": "morpheme-wordpiece", "inside": "word"},
    "inner morphemes as ##": {"kind": "morpheme-wordpiece", "inside": "continuation"},
    "analyzer at inference": {"kind": "morpheme", "form": "surface"},
    "the same, restored": {"kind": "morpheme", "form": "lemma"},
}


@dataclass(frozen=True)
class Measured:
    per_eojeol: float
    unknown: float
    """Percent of tokens."""
    precision: float
    recall: float

    def __str__(self) -> str:
        return f"{self.per_eojeol:5.2f} {self.unknown:6.2f} {self.precision:5.2f} {self.recall:5.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--analyzer", choices=("mecab", "kiwi"), default="mecab")
    parser.add_argument("--sizes", default="8000,32000")
    parser.add_argument("--mb", type=float, default=7.0)
    parser.add_argument("--quick", action="store_true", help="8,000 entries from 1.4 MB")
    asked = parser.parse_args()
    names = ("recall-of-morphemes", "recall-with-analyzer", "fewer-tokens-than-klue", "unknown-no-higher")
    # 0.999: a morpheme that is nothing but a soft hyphen has no token, as BERT drops those.
    goals = (0.88, 0.999, 0.95, 0.8)
    if not SHARED.is_dir():
        print(f"no text to measure on: {SHARED}")
        for name, goal in zip(names, goals, strict=True):
            claim(name, None, goal)
        return
    megabytes = 1.4 if asked.quick else asked.mb
    sizes = [8_000] if asked.quick else [int(size) for size in asked.sizes.split(",")]
    read = {name: _read(file, megabytes * share) for name, (file, share) in TEXTS.items()}
    learned_from = ["\n".join(lines) for lines, _ in read.values()]
    held_out = {name: lines for name, (_, lines) in read.items()}

    from malmoi.analyzers import open_analyzer
    from malmoi.tokenizer.config import TokenizerConfig
    from malmoi.tokenizer.learner import LearningTask, learn

    analyzer = open_analyzer(asked.analyzer)
    wanted = {name: _bounds(lines, analyzer.surfaces(lines)) for name, lines in held_out.items()}
    found: dict[tuple[str, str], Measured] = {}
    learned_mb = sum(len(text.encode()) for text in learned_from) / 1e6
    print(f"{asked.analyzer}, {learned_mb:.1f} MB; measured on {HELD_OUT_MB} MB each")
    columns = f"{'tok/e':>5} {'UNK%':>6} {'P':>5} {'R':>5}"
    print(f"{'size':>6}  {'reviews | wiki':28}{columns} | {columns}")
    for size in sizes:
        for way, settings in WAYS.items():
            config = TokenizerConfig(vocab_size=size, analyzer=asked.analyzer, **settings)
            tokenizer = learn(LearningTask(config, lambda: _blocks(learned_from), "benchmark")).tokenizer
            for name, lines in held_out.items():
                found[way, name] = _measure(tokenizer, lines, wanted[name])
            shown = " | ".join(str(found[way, name]) for name in held_out)
            print(f"{size:>6}  {way:28}{shown}", flush=True)
    plain, klue, inner, inference = list(WAYS)[:4]
    worst = min(found[inner, name].recall for name in held_out)
    claim(names[0], worst, goals[0])
    claim(names[1], min(found[inference, name].recall for name in held_out), goals[1])
    shorter = [found[klue, name].per_eojeol / found[inner, name].per_eojeol for name in held_out]
    claim(names[2], min(shorter), goals[2])
    unknown = [max(found[plain, n].unknown, 0.01) / max(found[klue, n].unknown, 0.01) for n in held_out]
    claim(names[3], min(unknown), goals[3])


def _read(name: str, megabytes: float) -> tuple[list[str], list[str]]:
    """Lines to learn from, and the lines behind them to measure on."""
    both: list[list[str]] = [[], []]
    left = [megabytes * 1e6, HELD_OUT_MB * 1e6]
    with lzma.open(SHARED / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
        for line in stream:
            which = 0 if left[0] > 0 else 1
            if left[which] <= 0:
                break
            left[which] -= len(line.encode())
            both[which].append(line.removesuffix("\n"))
    return both[0], both[1]


def _blocks(texts: list[str]) -> Iterator[str]:
    yield from texts


def _measure(tokenizer: Any, lines: list[str], wanted_C: NDArray[np.bool_]) -> Measured:
    encoded = tokenizer.encode_batch(lines, specials=False)
    begins_N, inside_C = _places(lines)
    starts = encoded.spans[:, 0] + np.repeat(begins_N, np.diff(encoded.cu_seqlens))
    found_C = np.zeros(len(inside_C), np.bool_)
    found_C[starts] = True
    found_C &= inside_C
    both = np.count_nonzero(found_C & wanted_C)
    eojeols = sum(len(line.split()) for line in lines)
    unknown = np.count_nonzero(encoded.ids == tokenizer.special.unk)
    return Measured(
        len(encoded.ids) / eojeols,
        100 * unknown / len(encoded.ids),
        both / np.count_nonzero(found_C),
        both / np.count_nonzero(wanted_C),
    )


def _bounds(lines: list[str], surfaces: Any) -> NDArray[np.bool_]:
    """Where in the joined lines a morpheme starts inside an eojeol."""
    begins_N, inside_C = _places(lines)
    wanted_C = np.zeros(len(inside_C), np.bool_)
    wanted_C[surfaces.spans[:, 0] + np.repeat(begins_N, surfaces.counts)] = True
    return wanted_C & inside_C


def _places(lines: list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where each line begins in the joined text, and which characters follow another of their eojeol."""
    lengths = np.fromiter(map(len, lines), np.int64, len(lines))
    space_C = np.fromiter(map(str.isspace, "\n".join(lines)), np.bool_, int(lengths.sum()) + len(lines) - 1)
    inside_C = ~space_C
    inside_C[1:] &= ~space_C[:-1]
    inside_C[0] = False
    return np.cumsum(lengths + 1) - (lengths + 1), inside_C


if __name__ == "__main__":
    main()
