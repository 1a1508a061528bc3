"""`malmoi sample DIR`: writes the embedded sample and says what is in each file and what to type next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console
from malmoi.context import Context
from malmoi.messages import text
from malmoi.paths import shell_word


def register(app: typer.Typer) -> None:
    app.command("sample", help=text("cli.sample.help"))(sample)


def sample(
    folder: Annotated[Path, typer.Argument(help=text("cli.sample.folder"), show_default=False)],
    seed: Annotated[int, typer.Option("--seed", min=0, help=text("cli.sample.seed"))] = 7,
) -> None:
    from malmoi.sample.write import write_sample

    manifest = write_sample(folder, Context(console().reporter), seed=seed)
    rows = [(name, f"{record.size:,}", _about(name)) for name, record in manifest.files.items()]
    headers = [text("cli.sample.file"), text("cli.sample.size"), text("cli.sample.about")]
    console().table("cli.sample.title", headers, rows)
    console().print("cli.sample.next", sets=_sets(folder))
    console().result(
        {"out": str(folder), "seed": seed, "files": len(manifest.files), "digest": manifest.digest},
        str(folder),
    )


def _sets(folder: Path) -> str:
    """What the demo recipe must be told where the sample does not stand in demo/sample."""
    if folder == Path("demo/sample"):
        return ""
    inputs = json.dumps([str(folder / "corpus")], ensure_ascii=False)
    return f" --set corpus.inputs={shell_word(inputs)} --set finetune.data={shell_word(folder / 'nsmc')}"


def _about(name: str) -> str:
    from malmoi.sample.files import CORPUS_FILES
    from malmoi.sample.labelled import NSMC_ROWS, PAIR_ROWS, STS_ROWS

    folder, _, file = name.rpartition("/")
    if folder == "corpus":
        return text(next(f.about for f in CORPUS_FILES if f.name == file))
    counts = {"nsmc": NSMC_ROWS, "korsts": STS_ROWS, "question_pair": PAIR_ROWS}.get(folder)
    if counts is None:
        return text("sample.file.readme")
    return text(f"sample.file.{folder}", rows=next(n for split, n in counts.items() if split in file))
