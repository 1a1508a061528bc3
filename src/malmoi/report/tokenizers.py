"""The comparison of tokenizers as one HTML page: the reading, the table, lengths, answers, examples."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from markupsafe import Markup

from malmoi.artifact.disk import disk_errors, write_bytes
from malmoi.messages import text
from malmoi.paths import readable
from malmoi.report.charts import Line, colour, plot
from malmoi.report.figures import Key
from malmoi.report.tokenizer_reading import findings, headline
from malmoi.report.tokenizer_table import rows
from malmoi.report.write import render
from malmoi.tokenizer_eval.examples import Token
from malmoi.tokenizer_eval.run import TokenizerComparison

SHORTEST = 0.5  # per cent of the texts; the plot ends when fewer are longer


@dataclass(frozen=True, slots=True)
class TokenFigure:
    title: str
    note: str
    keys: list[Key]
    svg: Markup


@dataclass(frozen=True, slots=True)
class TokenCell:
    """A token to draw: `shown`, the classes of its cell, and what to show when it is pointed at."""

    shown: str
    classes: str
    title: str


def write_comparison(found: TokenizerComparison, target: Path) -> None:
    """Write the page to `target`, a file or a folder. Raises MM0015-MM0016 (disk)."""
    page = render(
        "tokenizers.html",
        found=found,
        headline=headline(found),
        findings=findings(found),
        groups=[(group, list(part)) for group, part in groupby(rows(found), key=lambda row: row.group)],
        figures=[_lengths(found, "documents"), _lengths(found, "sentences")],
        references=_references(found),
        examples=[
            (example, [cells(example.text, tokens) for tokens in example.tokens])
            for example in found.examples
        ],
    )
    target = target / "compare.html" if target.is_dir() else target
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, readable(page).encode())


def _lengths(found: TokenizerComparison, which: str) -> TokenFigure:
    """Share of the texts longer than a number of tokens."""
    marks: list[Line] = []
    keys = []
    for number, contender in enumerate(found.contenders):
        curve = getattr(contender.measures, which).curve
        kept = [point for i, point in enumerate(curve) if i == 0 or curve[i - 1][1] > SHORTEST]
        x, y = np.array(kept, np.float64).T
        marks.append(Line(x, y, colour(number), "thick"))
        keys.append(Key(contender.name, colour(number), "thick"))
    title = text(f"compare.page.{which}")
    svg = plot(marks, x_title=text("compare.page.tokens"), title=title, zero=True)
    return TokenFigure(title, text(f"compare.page.{which}_note"), keys, svg)


def _references(found: TokenizerComparison) -> list[tuple[str, str, str]]:
    return [
        (text("compare.page.eojeol") if name == "eojeol" else name, f"{c.em:.2f}", f"{c.f1:.2f}")
        for name, c in found.ceilings.items()
    ]


def cells(sentence: str, tokens: list[Token]) -> list[TokenCell]:
    """Each token with the text it covers; one that covers nothing new (a byte, a fused morpheme) shows its
    vocabulary entry."""
    drawn = []
    reached = 0
    for token in tokens:
        shared = token.end <= reached
        classes = ["odd"] * token.unknown + ["shared"] * shared
        piece = sentence[max(token.start, reached) : token.end]
        between = sentence[reached : token.start]
        if between.strip() != between or piece != piece.lstrip():
            classes.append("gap")
        drawn.append(
            TokenCell(
                token.shown if shared else piece.strip() or token.shown,
                " ".join(classes),
                f"{token.shown} · {token.id} · {token.start}–{token.end}",
            )
        )
        reached = max(reached, token.end)
    return drawn
