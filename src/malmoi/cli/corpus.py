"""`malmoi corpus build INPUT… --out DIR`: build a corpus and show what was kept, what was dropped and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from malmoi.cli.console import amount, console
from malmoi.context import Context
from malmoi.json_files import expected_shape, read_object
from malmoi.messages import text

SAMPLE_WIDTH = 60  # characters; the whole samples are in audit.json


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=text("cli.corpus.help"), no_args_is_help=True)
    group.command("build", help=text("cli.corpus.build.help"))(build)
    app.add_typer(group, name="corpus")


def build(
    out: Annotated[Path, typer.Option("--out", help=text("cli.corpus.build.out"), show_default=False)],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(metavar="INPUT…", help=text("cli.corpus.build.inputs"), show_default=False),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--text", metavar="COL", help=text("cli.corpus.build.text"))
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help=text("cli.workers"))] = 0,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.config import Section
    from malmoi.corpus.build import build_corpus
    from malmoi.corpus.config import CorpusConfig
    from malmoi.pipeline.recipe import read_sections

    class Sections(Section):
        corpus: CorpusConfig = CorpusConfig()

    overrides = list(sets or [])
    overrides += [f"corpus.inputs={json.dumps(inputs, ensure_ascii=False)}"] if inputs else []
    overrides += [f"corpus.text={json.dumps(column, ensure_ascii=False)}"] if column else []
    config, origins = read_sections(Sections, recipe, overrides)
    build_corpus(config.corpus, out, Context(console().reporter, origins, verify, workers))
    show(out)


def show(out: Path) -> None:
    """Two tables and the path: the way of the sentences through the stages, and what cleaning changed."""
    audit = read_object(out / "audit.json")
    with expected_shape(out / "audit.json"):
        _show(out, audit["stages"])


def _show(out: Path, stages: dict[str, Any]) -> None:
    columns = ("stage", "outcome", "sentences", "share", "sample")
    console().table("cli.corpus.table", [text(f"cli.corpus.{name}") for name in columns], _rows(stages))
    if changes := _changes(stages["clean"]["changed"]):
        headers = [text(f"cli.corpus.{name}") for name in ("change", "times", "before", "after")]
        console().table("cli.corpus.changes", headers, changes)
    size = sum(side["bytes"] for side in stages["write"].values())
    done = {"path": str(out), "size": amount(size, "B"), "audit": str(out / "audit.json")}
    console().print("cli.corpus.done", **done)
    console().result({"out": str(out), **stages["write"]}, text("cli.corpus.done", **done))


def _rows(stages: dict[str, Any]) -> list[list[str]]:
    read, clean, dedup = stages["read"], stages["clean"], stages["deduplicate"]
    total = clean["sentences_in"]

    def row(stage: str, outcome: str, count: int, sample: str = "", share: bool = True) -> list[str]:
        part = f"{count / max(1, total):.1%}" if share else ""
        return [text(f"cli.corpus.stage_{stage}"), outcome, f"{count:,}", part, sample]

    lines = text("cli.corpus.lines_read", documents=read["documents"])
    rows = [row("read", lines, read["lines"], share=False)]
    rows += [row("clean", text("cli.corpus.split"), total)]
    for name, stage in (("clean", clean), ("deduplicate", dedup)):
        rows += [
            row(name, f"− {text(f'reason.{code}')}", entry["count"], _sample(entry["samples"]))
            for code, entry in stage["dropped"].items()
        ]
        rows += [row(name, text("cli.corpus.kept", documents=stage["documents"]), stage["sentences"])]
    for name, side in stages["write"].items():
        rows += [row("write", text(f"cli.corpus.{name}", documents=side["documents"]), side["sentences"])]
    return rows


def _sample(samples: list[dict[str, Any]]) -> str:
    """The first two, short; repeated ones with their number of copies."""
    shown = [
        (f"×{sample['copies']:,} " if "copies" in sample else "") + _short(sample["text"])
        for sample in samples[:2]
    ]
    return "\n".join(shown)


def _changes(changed: dict[str, Any]) -> list[list[str]]:
    return [
        [text(f"reason.{code}"), f"{entry['count']:,}", *_window(entry["samples"])]
        for code, entry in changed.items()
    ]


def _window(samples: list[dict[str, str]]) -> list[str]:
    """One sample around its change; of personal numbers both sides are masked and so the same."""
    if not samples:
        return ["", ""]
    before, after = samples[0]["before"], samples[0]["after"]
    pairs = zip(before, after, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
    start = max(0, at - SAMPLE_WIDTH // 3)
    return [_short(before[start:]), _short(after[start:])]


def _short(shown: str) -> str:
    return shown if len(shown) <= SAMPLE_WIDTH else shown[: SAMPLE_WIDTH - 1] + "…"
