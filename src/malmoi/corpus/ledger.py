"""The books of one slice: what was dropped and changed, how often, with samples. The ledgers of slices add up
to the same sum however the input was sliced: samples are the texts with the smallest hashes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl

from malmoi.corpus.documents import DOC
from malmoi.corpus.personal import mask_all

SAMPLE_CHARS = 160
MARGIN = 1000  # characters of a sample that are held until it is masked and cut


class Ledger:
    """Counts and samples by reason code; `as_dict` goes into the slice's done.json."""

    def __init__(self, samples: int) -> None:
        self.samples = samples
        self.dropped: Counter[str] = Counter()
        self.dropped_chars: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.file_of: Callable[[int], str] = lambda document: ""  # of a document of the current block
        self.drop_samples: dict[str, list[tuple[int, str, str]]] = {}  # hash, text, file
        self.change_samples: dict[str, list[tuple[int, str, str]]] = {}  # hash, before, after

    def drop(self, code: str, lines: pl.Series, documents: pl.Series) -> None:
        """Record a column of dropped lines, and the documents of the block they were in, under `code`."""
        if not len(lines):
            return
        self.dropped[code] += len(lines)
        self.dropped_chars[code] += int(lines.str.len_chars().sum())
        found = self.drop_samples.setdefault(code, [])
        for hashed, i in self._smallest(lines, found):
            found.append((hashed, lines[i][:MARGIN], self.file_of(documents[i])))
        found[:] = merge_samples([found], self.samples)

    def change(self, code: str, before: pl.Series, after: pl.Series) -> None:
        """Record the lines that differ between two columns under `code`."""
        index = (before != after).arg_true()
        if not len(index):
            return
        self.changed[code] += len(index)
        old, new = before.gather(index), after.gather(index)
        found = self.change_samples.setdefault(code, [])
        for hashed, i in self._smallest(old, found):
            found.append((hashed, *_around(old[i], new[i], MARGIN)))
        found[:] = merge_samples([found], self.samples)

    def change_at(
        self, code: str, text: str, spans: Sequence[tuple[int, int]], step: Callable[[str], str]
    ) -> None:
        """Record changes at `spans` (ascending) of a block of documents under `code`. A sample is the text
        around a document's first one, and what `step` makes of it."""
        if not len(spans):
            return
        self.changed[code] += len(spans)
        if not self.samples:
            return
        ends = [*(found.start() for found in re.finditer(DOC, text)), len(text)]
        around: list[str] = []
        document = -1
        for start, end in spans:
            if document >= 0 and start < ends[document]:
                continue
            document = bisect_right(ends, start)
            first = ends[document - 1] + 1 if document else 0
            around.append(text[max(first, start - MARGIN // 2) : min(ends[document], end + MARGIN // 2)])
        found = self.change_samples.setdefault(code, [])
        old = pl.Series(around)
        for hashed, i in self._smallest(old, found):
            before, after = (side.replace("\n", " ") for side in (old[i], step(old[i])))
            found.append((hashed, *_around(before, after, MARGIN)))
        found[:] = merge_samples([found], self.samples)

    def _smallest(self, lines: pl.Series, found: list[tuple[int, str, str]]) -> list[tuple[int, int]]:
        """(hash, index) of the lines that may displace a sample already found."""
        if not self.samples:
            return []
        hashed = lines.hash(seed=0)
        small = hashed.filter(hashed < found[-1][0]) if len(found) == self.samples else hashed
        least = small.unique().sort().head(self.samples).to_list() if len(small) else []
        return [(value, int((hashed == value).arg_true()[0])) for value in least]

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Here samples are masked, whole, and only then cut: a number cut in two would escape."""
        dropped = [text for found in self.drop_samples.values() for _, text, _ in found]
        changed = [text for found in self.change_samples.values() for _, *both in found for text in both]
        masked = iter(mask_all([*dropped, *changed]))
        drops = {
            code: [(hashed, next(masked)[:SAMPLE_CHARS], file) for hashed, _, file in found]
            for code, found in self.drop_samples.items()
        }
        changes = {
            code: [(hashed, *_around(next(masked), next(masked), 70)) for hashed, _, _ in found]
            for code, found in self.change_samples.items()
        }
        return {
            "dropped": dict(self.dropped),
            "dropped_chars": dict(self.dropped_chars),
            "changed": dict(self.changed),
            "drop_samples": drops,
            "change_samples": changes,
        }


def merge_samples(lists: Iterable[list[Any]], keep: int) -> list[Any]:
    """The `keep` samples with the smallest hashes, equal ones once."""
    unique: dict[int, Any] = {}
    for sample in (s for samples in lists for s in samples):
        unique.setdefault(sample[0], sample)
    return [unique[hashed] for hashed in sorted(unique)[:keep]]


def merge_ledgers(ledgers: Iterable[dict[str, Any]], keep: int) -> dict[str, Any]:
    """{"dropped": {code: {count, chars, samples}}, "changed": {code: {count, samples}}}, largest first."""
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


def _around(before: str, after: str, margin: int) -> tuple[str, str]:
    """The part of both texts around their first difference (the beginning if they are equal)."""
    pairs = zip(before, after, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), 0 if before == after else len(after))
    start = max(0, at - margin // 2)
    return before[start : at + margin], after[start : at + margin]
