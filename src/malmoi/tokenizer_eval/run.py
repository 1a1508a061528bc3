"""Compare tokenizers: any that `load_tokenizer` opens, on one text, and on the answers of a QA file.

Nothing is written; the CLI prints the result and the report package makes a page of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from malmoi.analyzers import open_analyzer
from malmoi.analyzers.cache import remembering
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.squad import read_squad
from malmoi.tokenizer.kinds import vocabularies
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer_eval.answers import Ceiling, analyzer_spans, ceiling, eojeol_spans, tokenizer_spans
from malmoi.tokenizer_eval.boundaries import Boundaries, agreement, reference
from malmoi.tokenizer_eval.cuts import cut_lines, lay_out
from malmoi.tokenizer_eval.examples import Example, choose_lines, show
from malmoi.tokenizer_eval.measures import Measures, measure
from malmoi.tokenizer_eval.speed import speeds
from malmoi.tokenizer_eval.texts import Part, read_texts

MB = 5.0
# Kiwi does .14 MB a second; this holds 40,000 eojeols, so a share of them is known to half a point.
REFERENCE_BYTES = 300_000


@dataclass(frozen=True, slots=True)
class Contender:
    """One tokenizer's numbers. `speed` in MB (UTF-8) per second of CPU time."""

    name: str
    path: Path
    kind: str
    measures: Measures
    speed: float
    boundaries: Boundaries | None
    ceiling: Ceiling | None


@dataclass(frozen=True, slots=True)
class TokenizerComparison:
    """Attributes:
    part: which part of `text` was read; a vocabulary looks too good on text it was learned from.
    megabytes, documents, sentences, eojeols: how much of it.
    analyzer: name of the one that gave the morpheme boundaries, or None.
    ceilings: what other units than tokens would reach (white-space words, the analyzer's morphemes).
    misplaced, unanswerable: questions of the QA file that were left out.
    """

    text: Path
    part: Part
    megabytes: float
    documents: int
    sentences: int
    eojeols: int
    analyzer: str | None
    contenders: list[Contender]
    ceilings: dict[str, Ceiling]
    misplaced: int
    unanswerable: int
    examples: list[Example]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare_tokenizers(
    paths: Sequence[Path],
    text: Path,
    *,
    qa: Path | None = None,
    analyzer: str | None = None,
    mb: float = MB,
    reporter: Reporter = SILENT,
) -> TokenizerComparison:
    """Measure tokenizers on about `mb` MB of text.

    Args:
        text: a corpus folder (its held-out documents), or any file the corpus stage reads.
        qa: a SQuAD 1.1 or KorQuAD 1.0 file, for the ceiling of extractive answers.
        analyzer: the one whose morpheme boundaries are the reference; None leaves them out.

    Raises MM0250 (no text), MM0251-MM0254 (the QA file), and what `load_tokenizer`, `open_analyzer` and the
    corpus readers raise.
    """
    names = name_them(paths)
    tokenizers = [load_tokenizer(path, reporter=reporter) for path in paths]
    opened = remembering(open_analyzer(analyzer), reporter) if analyzer else None
    squad = read_squad(qa) if qa else None
    texts = read_texts(text, mb)
    lines = texts.lines
    layout = lay_out(lines)
    with reporter.step("compare.measuring", total=len(paths) * (3 if squad else 2), unit="step") as step:
        found = speeds(tokenizers, lines)
        step.advance(len(paths))
        cuts = []
        for tokenizer, name in zip(tokenizers, names, strict=True):
            cuts.append(cut_lines(tokenizer, lines))
            step.advance(1, name)
        part = lines[:: max(1, texts.size // REFERENCE_BYTES)]
        part_layout = lay_out(part)
        reference_C = reference(opened, part, part_layout) if opened else None
        contenders = []
        for i, tokenizer in enumerate(tokenizers):
            if squad:
                step.advance(1, names[i])
            contenders.append(
                Contender(
                    name=names[i],
                    path=paths[i],
                    kind=tokenizer.kind,
                    measures=measure(tokenizer, cuts[i], layout, texts),
                    speed=found[i],
                    boundaries=None
                    if reference_C is None
                    else agreement(cut_lines(tokenizer, part), part_layout, reference_C),
                    ceiling=ceiling(squad, tokenizer_spans(tokenizer, squad.contexts)) if squad else None,
                )
            )
    ceilings = {}
    if squad:
        ceilings["eojeol"] = ceiling(squad, eojeol_spans(squad.contexts))
        if opened:
            ceilings[opened.name] = ceiling(squad, analyzer_spans(opened, squad.contexts))
    chosen = choose_lines(lines, cuts, tokenizers)
    return TokenizerComparison(
        text=text,
        part=texts.part,
        megabytes=round(texts.size / 1e6, 3),
        documents=len(texts.documents),
        sentences=len(lines),
        eojeols=layout.eojeols,
        analyzer=analyzer,
        contenders=contenders,
        ceilings=ceilings,
        misplaced=squad.misplaced if squad else 0,
        unanswerable=squad.unanswerable if squad else 0,
        examples=show(chosen, tokenizers, opened),
    )


def name_them(paths: Sequence[Path]) -> list[str]:
    """Short names, each once. Raises MM0255 where a tokenizer is given twice."""
    real = [path.resolve() for path in paths]
    for i, path in enumerate(real):
        if path in real[:i]:
            raise MalmoiError(Code.TOKENIZER_TWICE, paths[i])
    # tokenizer.json in folder kobert says nothing; kobert does.
    parts = [(path.parent if path.name in vocabularies() else path).parts for path in real]
    depth = [1] * len(parts)
    while True:
        names = ["/".join(own[-n:]) for own, n in zip(parts, depth, strict=True)]
        twice = [i for i, name in enumerate(names) if names.count(name) > 1]
        if not twice:
            return names
        if all(depth[i] >= len(parts[i]) for i in twice):  # one folder, two files of it
            return [str(path) for path in paths]
        for i in twice:
            depth[i] += 1
