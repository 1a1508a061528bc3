"""`audit.json`: what went in, what was dropped and changed, why, how much, with samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.corpus.book import COUNTS
from malmoi.corpus.dedup import BOILERPLATE, DUPLICATE
from malmoi.corpus.ledger import SAMPLE_CHARS, merge_ledgers
from malmoi.corpus.personal import mask


def most_repeated(
    results: Sequence[dict[str, Any]], code: int, refined: Sequence[Path], keep: int, *, documents: bool
) -> list[dict[str, Any]]:
    """Samples of the most repeated groups: {"text", "copies"}; for documents, the text is the beginning."""
    found = [tuple(example) for result in results for example in result["examples"][str(code)]]
    found.sort(key=lambda example: (-example[0], example[1:]))
    samples = []
    for copies, number, place in found[:keep]:
        folder = refined[number]
        if documents:
            place = int(np.load(folder / "documents.npy")[1][place])
        samples.append({"text": mask(_line(folder / "text.txt", place))[:SAMPLE_CHARS], "copies": copies})
    return samples


def _line(path: Path, number: int) -> str:
    with path.open("rb") as stream:
        for line in stream:
            if not number:
                return line.decode().rstrip("\n")
            number -= 1
    raise IndexError(path)


def make_audit(
    files: Sequence[dict[str, Any]],
    refined: Sequence[dict[str, Any]],
    written: Sequence[dict[str, Any]],
    repeated: dict[str, list[dict[str, Any]]],
    samples: int,
    repeats: int | None = None,
) -> dict[str, Any]:
    """Counts of all slices together, stage by stage; `repeats`: held-out sentences that are in the training
    text too, if they were counted."""
    total: Counter[str] = Counter()
    for counts in refined:
        total.update({name: value for name, value in counts.items() if isinstance(value, int)})
    books = merge_ledgers((counts["ledger"] for counts in refined), samples)
    out = {side: _sum(w[side] for w in written) for side in ("train", "heldout")}
    duplicates = _sum(w["duplicate_document"] for w in written)
    dedup: dict[str, Any] = {
        "duplicate_document": {
            "count": duplicates.get("sentences", 0),
            "documents": duplicates.get("documents", 0),
        },
        "boilerplate": {"count": sum(w["boilerplate"] for w in written)},
        "duplicate_sentence": {"count": sum(w["duplicate_sentence"] for w in written)},
    }
    for code, entry in dedup.items():
        entry["samples"] = repeated[code]
    skipped = [f for f in files if "skipped" in f]
    return {
        "files": list(files),
        "stages": {
            "read": {
                "files": len(files),
                "files_skipped": len(skipped),
                **{name: sum(f[name] for f in files) for name in COUNTS},
                "documents": total["documents"],
                "lines": total["lines"],
                "chars": total["chars"],
            },
            "clean": {
                "documents": total["kept_documents"],
                "sentences_in": total["split"],
                "sentences": total["sentences"],
                "chars": total["kept_chars"],
                "private": total["private"],
                **books,
            },
            "deduplicate": {
                "documents": sum(side.get("documents", 0) for side in out.values()),
                "documents_emptied": sum(w["emptied"] for w in written),
                "sentences": sum(side.get("sentences", 0) for side in out.values()),
                "chars": sum(side.get("chars", 0) for side in out.values()),
                "dropped": {code: entry for code, entry in dedup.items() if entry["count"]},
            },
            "write": out
            if repeats is None
            else {**out, "heldout": {**out["heldout"], "in_training": repeats}},
        },
    }


def _sum(counts: Any) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total)


def repeated_samples(
    document_results: Sequence[dict[str, Any]],
    sentence_results: Sequence[dict[str, Any]],
    refined: Sequence[Path],
    keep: int,
) -> dict[str, list[dict[str, Any]]]:
    return {
        "duplicate_document": most_repeated(document_results, DUPLICATE, refined, keep, documents=True),
        "boilerplate": most_repeated(sentence_results, BOILERPLATE, refined, keep, documents=False),
        "duplicate_sentence": most_repeated(sentence_results, DUPLICATE, refined, keep, documents=False),
    }
