"""Shards for the benchmarks: real text through the product's own stages, or ids drawn by Zipf's law."""

from __future__ import annotations

import lzma
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from malmoi.artifact.finished import artifact_key, finished_artifact
from malmoi.shards.config import ShardsConfig
from malmoi.shards.format import STARTS_WORD, ids_dtype, tokenizer_digest
from malmoi.special import SpecialIds

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
WIKI = SHARED / "corpus" / "kowiki.txt.xz"


def make_shards(folder: Path, vocab_size: int, *, characters: int = 4_000_000, zipf: bool = False) -> Path:
    """Shards with exactly `vocab_size` entries in `folder`/shards; prints what they are made of."""
    out = folder / "shards"
    if not out.exists() and not zipf and WIKI.exists():
        with lzma.open(WIKI, "rt", encoding="utf-8") as stream:
            (folder / "wiki.txt").write_text(stream.read(characters), "utf-8")
        corpus, tokenizer = folder / "corpus", folder / "tokenizer"
        for words in (
            ["corpus", "build", f"{folder}/wiki.txt", "--out", f"{corpus}"],
            ["tokenizer", "train", f"{corpus}", "--out", f"{tokenizer}", "--vocab-size", f"{vocab_size}"],
            ["shards", "build", f"{corpus}", f"{tokenizer}", "--out", f"{out}"],
        ):
            subprocess.run(
                [sys.executable, "-m", "malmoi", "--quiet", *words], check=True, stdout=subprocess.DEVNULL
            )
        print(f"text: {characters / 1e6:.0f} M characters of Wikipedia, {vocab_size:,} entries")
    elif not out.exists():
        zipf_shards(out, vocab_size)
        print(f"text: ids drawn by Zipf's law from {vocab_size:,}")
    return out


def zipf_shards(out: Path, vocab_size: int, tokens: int = 2_000_000, seed: int = 0) -> None:
    """A shards artifact of random ids: rank r as often as 1 / (r + 2.7) (Mandelbrot's form of Zipf's law).

    Sentences of 5 to 45 tokens, documents of 3 to 120 sentences: Korean Wikipedia has 25 and 61 on average.
    """
    rng = np.random.default_rng(seed)
    special = SpecialIds()
    weights = 1 / (np.arange(vocab_size - 5) + 2.7)
    ids = rng.choice(np.arange(5, vocab_size), size=tokens, p=weights / weights.sum())
    sentences = np.cumsum(np.concatenate([[0], rng.integers(5, 46, size=tokens // 20)]))
    sentences = np.append(sentences[sentences < tokens - 5], tokens)
    starts = np.cumsum(np.concatenate([[0], rng.integers(3, 121, size=len(sentences) // 20)]))
    documents = np.append(sentences[starts[starts < len(sentences) - 1]], tokens)
    config = ShardsConfig()
    with finished_artifact(out, "shards", config, artifact_key("shards", config, {})) as draft:
        part, tokenizer = draft.path / "part-00000", draft.path / "tokenizer"
        part.mkdir()
        tokenizer.mkdir()
        np.save(part / "ids.npy", ids.astype(ids_dtype(vocab_size)))
        np.save(part / "flags.npy", np.full(tokens, STARTS_WORD, np.uint8))
        np.save(part / "sentences.npy", sentences.astype(np.int64))
        np.save(part / "documents.npy", documents.astype(np.int64))
        entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"t{i}" for i in range(5, vocab_size))]
        (tokenizer / "vocab.txt").write_text("\n".join(entries) + "\n", "utf-8")
        draft.counts |= {
            "vocab_size": vocab_size,
            "special": asdict(special),
            "tokenizer_digest": tokenizer_digest(tokenizer),
        }
