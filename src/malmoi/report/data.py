"""The parts of a report about text: what the corpus lost and why, and how the tokenizer cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from malmoi.messages import text, words
from malmoi.report.folder import Found, StageFolder
from malmoi.report.numbers import big, short
from malmoi.shards.counts import ShardsCounts
from malmoi.tokenizer.counts import TokenizerCounts
from malmoi.tokenizer.measure import readable

SAMPLES = 3
CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Dropped:
    """One way sentences leave the corpus; `share` of the sentences that were split."""

    name: str
    kind: str
    count: int
    share: float
    samples: list[str]


@dataclass(frozen=True, slots=True)
class Correction:
    name: str
    count: int
    samples: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CorpusPart:
    facts: list[tuple[str, str]]
    losses: list[Dropped]
    changes: list[Correction]
    files: list[tuple[str, str, str, str]]
    skipped: int


@dataclass(frozen=True, slots=True)
class CutSentence:
    """A sentence as one tokenizer cuts it."""

    name: str
    tokens: list[str]


@dataclass(frozen=True, slots=True)
class TokenizerPart:
    """One tokenizer, with an empty name, or several side by side: a fact has a value for each."""

    names: list[str]
    facts: list[tuple[str, list[str]]]
    samples: list[tuple[str, list[CutSentence]]]


def corpus_part(stage: StageFolder) -> CorpusPart | None:
    """None while there is no audit."""
    if stage.audit is None:
        return None
    stages = stage.audit["stages"]
    read, clean, dedup, written = (stages[name] for name in ("read", "clean", "deduplicate", "write"))
    total = max(1, clean["sentences_in"])
    losses = [
        _loss(code, entry, total, kind)
        for kind, place in (("filter", clean), ("deduplicate", dedup))
        for code, entry in place["dropped"].items()
    ]
    kept = sum(side["sentences"] for side in written.values() if side)
    losses.append(Dropped(text("report.corpus.kept"), "kept", kept, kept / total, []))
    train, heldout = written.get("train") or {}, written.get("heldout") or {}
    facts = [
        (text("report.corpus.files"), f"{read['files']:,}"),
        (text("report.corpus.read"), big(read["documents"])),
        (text("report.corpus.sentences_in"), big(clean["sentences_in"])),
        (text("report.corpus.train"), big(train.get("sentences", 0))),
        (text("report.corpus.heldout"), big(heldout.get("sentences", 0))),
        (text("report.corpus.size"), f"{train.get('bytes', 0) / 1e6:,.1f} MB"),
    ]
    changes = [
        Correction(
            _reason(code),
            entry["count"],
            [
                (_cut(s["before"]), _cut(s["after"]))
                for s in entry["samples"][:SAMPLES]
                if s["before"] != s["after"]
            ],
        )
        for code, entry in clean["changed"].items()
    ]
    files = [
        (
            str(f.get("path", "")),
            str(f.get("encoding", "")),
            f"{f.get('documents', 0):,}",
            str(f.get("skipped", "")),
        )
        for f in stage.audit["files"]
    ]
    return CorpusPart(facts, losses, changes, files, read["files_skipped"] + read["rows_skipped"])


def _loss(code: str, entry: dict[str, Any], total: int, kind: str) -> Dropped:
    samples = [
        (f"×{sample['copies']:,}  " if "copies" in sample else "") + _cut(sample["text"])
        for sample in entry["samples"][:SAMPLES]
    ]
    return Dropped(_reason(code), kind, entry["count"], entry["count"] / total, samples)


def _reason(code: str) -> str:
    return words("reason", code)


def _cut(sample: str) -> str:
    return sample if len(sample) <= CHARACTERS else sample[: CHARACTERS - 1] + "…"


def tokenizer_part(found: Found) -> TokenizerPart | None:
    """None if there is no tokenizer."""
    if not found.tokenizers:
        return None
    columns = [_facts(stage, found) for stage in found.tokenizers]
    labels = dict.fromkeys(label for column in columns for label in column)
    cuts: dict[str, list[CutSentence]] = {}
    for stage in found.tokenizers:
        counts = TokenizerCounts.of(stage.manifest, stage.folder)
        for sample, tokens in counts.samples:
            cuts.setdefault(sample, []).append(CutSentence(stage.name, readable(counts.kind, tokens)))
    return TokenizerPart(
        [stage.name for stage in found.tokenizers],
        [(label, [column.get(label, "–") for column in columns]) for label in labels],
        list(cuts.items()),
    )


def _facts(stage: StageFolder, found: Found) -> dict[str, str]:
    counts = TokenizerCounts.of(stage.manifest, stage.folder)
    shown: dict[str, Callable[[Any], str]] = {
        "kind": str,
        "vocab_size": "{:,}".format,
        "alphabet": "{:,}".format,
        "unk_percent": "{:.2f} %".format,
        "tokens_per_eojeol": short,
        "characters_per_token": short,
    }
    facts = {
        text(f"cli.tokenizer.row.{name}"): show(value)
        for name, show in shown.items()
        if (value := getattr(counts, name)) is not None
    }
    for shards in found.shards:
        if shards.name == stage.name:
            read = ShardsCounts.of(shards.manifest, shards.folder)
            facts[text("report.tokenizer.tokens")] = big(read.train.tokens)
    return facts
