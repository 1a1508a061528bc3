"""The measures of compared tokenizers as rows to show, with the best of each row marked.

One table for the terminal and the page, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from malmoi.messages import text
from malmoi.tokenizer_eval.run import Contender, TokenizerComparison

Better = Literal["low", "high", ""]


@dataclass(frozen=True, slots=True)
class Measure:
    """`value` is None if it was not measured; `better` says which direction is better, if any."""

    name: str
    group: str
    value: Callable[[Contender], float | None]
    shown: Callable[[float], str]
    better: Better = ""
    apart: float = 0.0
    """By what share best and worst must differ for a star: timings vary."""


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """`cells`: the number as shown, and whether it is the best (ties may share it)."""

    name: str
    group: str
    cells: list[tuple[str, bool]]


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _percent(value: float) -> str:
    return f"{value:.2f} %"


def _two(value: float) -> str:
    return f"{value:.2f}"


def _boundary(name: str) -> Callable[[Contender], float | None]:
    return lambda c: None if c.boundaries is None else float(getattr(c.boundaries, name))


def _answer(name: str) -> Callable[[Contender], float | None]:
    return lambda c: None if c.ceiling is None else float(getattr(c.ceiling, name))


MEASURES = (
    Measure("vocab_size", "vocabulary", lambda c: c.measures.vocab_size, _whole),
    Measure("learned", "vocabulary", lambda c: c.measures.learned, _whole),
    Measure("used", "vocabulary", lambda c: c.measures.used_percent, _percent),
    Measure("tokens_per_eojeol", "cost", lambda c: c.measures.tokens_per_eojeol, _two, "low"),
    Measure("characters_per_token", "cost", lambda c: c.measures.characters_per_token, _two, "high"),
    Measure("rows_128", "cost", lambda c: c.measures.rows_per_mb[128], _whole, "low"),
    Measure("rows_512", "cost", lambda c: c.measures.rows_per_mb[512], _whole, "low"),
    Measure("speed", "cost", lambda c: c.speed, _two, "high", apart=0.1),
    Measure("unk", "loss", lambda c: c.measures.unk_percent, _percent, "low"),
    Measure("unk_eojeol", "loss", lambda c: c.measures.unk_eojeol_percent, _percent, "low"),
    Measure("boundary_precision", "cuts", _boundary("precision"), _percent, "high"),
    Measure("boundary_recall", "cuts", _boundary("recall"), _percent, "high"),
    Measure("boundary_f1", "cuts", _boundary("f1"), _percent, "high"),
    Measure("sentence_90", "lengths", lambda c: c.measures.sentences.quantiles[90], _whole),
    Measure("document_50", "lengths", lambda c: c.measures.documents.quantiles[50], _whole),
    Measure("document_90", "lengths", lambda c: c.measures.documents.quantiles[90], _whole),
    Measure("document_99", "lengths", lambda c: c.measures.documents.quantiles[99], _whole),
    Measure("over_128", "lengths", lambda c: c.measures.documents.over[128], _percent, "low"),
    Measure("over_512", "lengths", lambda c: c.measures.documents.over[512], _percent, "low"),
    Measure("qa_em", "answers", _answer("em"), _two, "high"),
    Measure("qa_f1", "answers", _answer("f1"), _two, "high"),
    Measure("qa_exact", "answers", _answer("exact"), _whole, "high"),
    Measure("qa_wider", "answers", _answer("wider"), _whole, "low"),
    Measure("qa_lost", "answers", _answer("lost"), _whole, "low"),
)


def rows(found: TokenizerComparison) -> list[MeasureRow]:
    """All measures that were taken, in the order of `MEASURES`."""
    return [_row(measure, found.contenders) for measure in MEASURES if _taken(measure, found.contenders)]


def _taken(measure: Measure, contenders: Sequence[Contender]) -> bool:
    return all(measure.value(contender) is not None for contender in contenders)


def _row(measure: Measure, contenders: Sequence[Contender]) -> MeasureRow:
    values = [float(measure.value(contender) or 0) for contender in contenders]
    shown = [measure.shown(value) for value in values]
    low, high = min(values), max(values)
    telling = bool(measure.better) and len(set(shown)) > 1 and high - low >= measure.apart * high
    best = measure.shown(low if measure.better == "low" else high)
    return MeasureRow(
        text(f"compare.row.{measure.name}"), measure.group, [(s, telling and s == best) for s in shown]
    )
