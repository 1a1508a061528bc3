"""The parts of a report about text: what the corpus lost and why, and how the tokenizer cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from malmoi.messages import catalog, text
from malmoi.report.folder import Found, Stage
from malmoi.report.numbers import big, short

SAMPLES = 3
CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Loss:
    """One way sentences leave the corpus; `share` of the sentences that were split."""

    name: str
    kind: str
    count: int
    share: float
    samples: list[str]


@dataclass(frozen=True, slots=True)
class Change:
    name: str
    count: int
    samples: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class CorpusPart:
    facts: list[tuple[str, str]]
    losses: list[Loss]
    changes: list[Change]
    files: list[tuple[str, str, str, str]]
    skipped: int


@dataclass(frozen=True, slots=True)
class TokenizerPart:
    facts: list[tuple[str, str]]
    samples: list[tuple[str, list[str]]]


def corpus_part(stage: Stage) -> CorpusPart | None:
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
    losses.append(Loss(text("report.corpus.kept"), "kept", kept, kept / total, []))
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
        Change(
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


def _loss(code: str, entry: dict[str, Any], total: int, kind: str) -> Loss:
    samples = [
        (f"×{sample['copies']:,}  " if "copies" in sample else "") + _cut(sample["text"])
        for sample in entry["samples"][:SAMPLES]
    ]
    return Loss(_reason(code), kind, entry["count"], entry["count"] / total, samples)


def _reason(code: str) -> str:
    return text(f"reason.{code}") if f"reason.{code}" in catalog() else code


def _cut(sample: str) -> str:
    return sample if len(sample) <= CHARACTERS else sample[: CHARACTERS - 1] + "…"


def tokenizer_part(found: Found) -> TokenizerPart | None:
    if found.tokenizer is None:
        return None
    counts = found.tokenizer.manifest.counts
    facts = [(text("cli.tokenizer.row.vocab_size"), f"{counts.get('vocab_size', 0):,}")]
    if "alphabet" in counts:
        facts.append((text("cli.tokenizer.row.alphabet"), f"{counts['alphabet']:,}"))
    if "unk_percent" in counts:
        facts.append((text("cli.tokenizer.row.unk_percent"), f"{counts['unk_percent']:.2f} %"))
    facts += [
        (text(f"cli.tokenizer.row.{name}"), short(counts[name]))
        for name in ("tokens_per_eojeol", "characters_per_token")
        if name in counts
    ]
    if found.shards is not None and (train := found.shards.manifest.counts.get("train")):
        facts.append((text("report.tokenizer.tokens"), big(train["tokens"])))
    samples = [
        (str(sample), [str(token) for token in tokens]) for sample, tokens in counts.get("samples", [])
    ]
    return TokenizerPart(facts, samples)
