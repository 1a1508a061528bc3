"""`malmoi tokenizer compare A B C --corpus TEXT`: what each costs, loses and can still answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from malmoi.analyzers import DEFAULT
from malmoi.cli.console import console
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.tokenizer_eval.run import TokenizerComparison

SIDE_BY_SIDE = 4  # columns of numbers that fit 80 characters beside the names of the measures


def compare(
    tokenizers: Annotated[
        list[Path], typer.Argument(metavar="A B …", help=text("cli.compare.tokenizers"), show_default=False)
    ],
    corpus: Annotated[Path, typer.Option("--corpus", help=text("cli.compare.corpus"), show_default=False)],
    qa: Annotated[Path | None, typer.Option("--qa", help=text("cli.compare.qa"))] = None,
    analyzer: Annotated[str, typer.Option("--analyzer", help=text("cli.compare.analyzer"))] = DEFAULT,
    mb: Annotated[float, typer.Option("--mb", min=0.01, help=text("cli.compare.mb"))] = 5.0,
    out: Annotated[Path | None, typer.Option("--out", help=text("cli.compare.out"))] = None,
) -> None:
    from malmoi.report.tokenizer_reading import findings
    from malmoi.tokenizer_eval.run import compare_tokenizers

    found = compare_tokenizers(
        tokenizers,
        corpus,
        qa=qa,
        analyzer=None if analyzer == "none" else analyzer,
        mb=mb,
        reporter=console().reporter,
    )
    said = [saying.text for saying in findings(found)]
    _show(found)
    for line in said:
        console().show(f"- {line}")
    console().result(found.as_dict() | {"findings": said}, _brief(found))
    if out is not None:
        from malmoi.report.tokenizers import write_comparison

        write_comparison(found, out)
        target = out / "compare.html" if out.is_dir() else out
        console().print("cli.report.done", path=str(target))


def _brief(found: TokenizerComparison) -> str:
    """`tokens per eojeol: mine 1.96, theirs 2.31`."""
    costs = (f"{one.name} {one.measures.tokens_per_eojeol:.2f}" for one in found.contenders)
    return f"{text('cli.tokenizer.row.tokens_per_eojeol')}: {', '.join(costs)}"


def _show(found: TokenizerComparison) -> None:
    from malmoi.report.tokenizer_table import rows

    table = rows(found)
    names = [contender.name for contender in found.contenders]
    for first in range(0, len(names), SIDE_BY_SIDE):
        side = slice(first, first + SIDE_BY_SIDE)
        shown = [(row.name, *(_cell(*cell) for cell in row.cells[side])) for row in table]
        kinds = (text("compare.row.kind"), *(contender.kind for contender in found.contenders[side]))
        console().table("cli.compare.table", ["", *names[side]], [kinds, *shown])
    for name, ceiling in found.ceilings.items():
        shown_name = text("compare.page.eojeol") if name == "eojeol" else name
        console().print("cli.compare.reference", name=shown_name, em=ceiling.em, f1=ceiling.f1)
    console().print(
        f"cli.compare.measured.{found.part}",
        path=str(found.text),
        mb=found.megabytes,
        sentences=found.sentences,
    )


def _cell(shown: str, best: bool) -> Text:
    """The star is for those who see no colours, and for files."""
    return Text(f"{shown}*", style="bold green") if best else Text(f"{shown} ")
