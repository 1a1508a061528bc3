"""The books of one slice: what was dropped and changed, how often, with samples. Ledgers of slices add up
to the same sum however the input was sliced: samples are those with the smallest hashes, not the first met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from malmoi.corpus.personal import mask

SAMPLE_CHARS = 160


class Ledger:
    """Counts and samples by reason code; `as_dict` goes into the slice's done.json."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.dropped: Counter[str] = Counter()
        self.dropped_chars: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.file_of: Callable[[int], str] = lambda document: ""  # of a document of the current block
        self.drop_samples: dict[str, list[tuple[int, str, str]]] = {}
        self.change_samples: dict[str, list[tuple[int, str, str]]] = {}

    def drop(self, code: str, lines: pl.Series, documents: pl.Series) -> None:
        """Book a column of dropped lines, and the documents of the block they stood in, under `code`."""
        if not len(lines):
            return
        self.dropped[code] += len(lines)
        self.dropped_chars[code] += int(lines.str.len_chars().sum())
        for hashed, index in self._smallest(lines):
            self.drop_samples.setdefault(code, []).append(
                (hashed, mask(lines[index])[:SAMPLE_CHARS], self.file_of(documents[index]))
            )
        self._trim(self.drop_samples, code)

    def change(self, code: str, before: pl.Series, after: pl.Series) -> None:
        """Book the lines that differ between two columns under `code`."""
        index = (before != after).arg_true()
        if not len(index):
            return
        self.changed[code] += len(index)
        old, new = before.gather(index), after.gather(index)
        for hashed, i in self._smallest(old):
            self.change_samples.setdefault(code, []).append((hashed, *_around(mask(old[i]), mask(new[i]))))
        self._trim(self.change_samples, code)

    def count_change(self, code: str, count: int) -> None:
        if count:
            self.changed[code] += count

    def _smallest(self, lines: pl.Series) -> list[tuple[int, int]]:
        if not self.samples:
            return []
        hashed = lines.hash(seed=0)
        least = hashed.arg_sort().head(4 * self.samples)  # some more: equal lines count once
        return [(int(hashed[i]), int(i)) for i in least]

    def _trim(self, table: dict[str, list[Any]], code: str) -> None:
        table[code] = merge_samples([table.get(code, [])], self.samples)

    def as_dict(self) -> dict[str, Any]:
        return {
            "dropped": dict(self.dropped),
            "dropped_chars": dict(self.dropped_chars),
            "changed": dict(self.changed),
            "drop_samples": self.drop_samples,
            "change_samples": self.change_samples,
        }


def merge_samples(lists: Iterable[list[Any]], keep: int) -> list[Any]:
    """The `keep` samples with the smallest hashes, equal ones once."""
    unique: dict[int, Any] = {}
    for sample in (s for samples in lists for s in samples):
        unique.setdefault(sample[0], sample)
    return [unique[hashed] for hashed in sorted(unique)[:keep]]


def merge_ledgers(ledgers: Iterable[dict[str, Any]], keep: int) -> dict[str, Any]:
    """{"dropped": {code: {count, chars, samples}}, "changed": {code: {count, samples: [{before, after}]}}}."""
    dropped: Counter[str] = Counter()
    chars: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    drops: dict[str, list[Any]] = {}
    changes: dict[str, list[Any]] = {}
    for ledger in ledgers:
        dropped.update(ledger["dropped"])
        chars.update(ledger["dropped_chars"])
        changed.update(ledger["changed"])
        for table, samples in ((drops, ledger["drop_samples"]), (changes, ledger["change_samples"])):
            for code, found in samples.items():
                table[code] = merge_samples([table.get(code, []), found], keep)
    return {
        "dropped": {
            code: {
                "count": count,
                "chars": chars[code],
                "samples": [{"text": sample[1], "file": sample[2]} for sample in drops.get(code, [])],
            }
            for code, count in _by_count(dropped)
        },
        "changed": {
            code: {
                "count": count,
                "samples": [{"before": s[1], "after": s[2]} for s in changes.get(code, [])],
            }
            for code, count in _by_count(changed)
        },
    }


def _by_count(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _around(before: str, after: str) -> tuple[str, str]:
    """The part of both texts around their first difference."""
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    start = max(0, at - 30)
    return before[start : at + 70], after[start : at + 70]
