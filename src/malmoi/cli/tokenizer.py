"""`malmoi tokenizer train CORPUS --out DIR`: learn a vocabulary and show how it cuts unseen text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from malmoi.cli.compare import compare
from malmoi.cli.console import console
from malmoi.cli.extend import extend
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=text("cli.tokenizer.help"), no_args_is_help=True)
    group.command("train", help=text("cli.tokenizer.train.help"))(train)
    group.command("compare", help=text("cli.compare.help"))(compare)
    group.command("extend", help=text("cli.tokenizer.extend.help"))(extend)
    app.add_typer(group, name="tokenizer")


def train(
    corpus: Annotated[Path, typer.Argument(help=text("cli.tokenizer.train.corpus"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.tokenizer.train.out"), show_default=False)],
    vocab_size: Annotated[
        int | None, typer.Option("--vocab-size", help=text("cli.tokenizer.train.vocab_size"))
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help=text("cli.tokenizer.train.words"), show_default=False)
    ] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.cli.recipe import read_sections
    from malmoi.config import Section
    from malmoi.tokenizer.config import TokenizerConfig
    from malmoi.tokenizer.train import train_tokenizer

    class Sections(Section):
        tokenizer: TokenizerConfig = TokenizerConfig()

    overrides = list(sets or [])
    overrides += [f"tokenizer.vocab_size={vocab_size}"] if vocab_size is not None else []
    overrides += [f"tokenizer.words={json.dumps(str(words))}"] if words is not None else []
    config, origins = read_sections(Sections, recipe, overrides)
    manifest = train_tokenizer(
        config.tokenizer, corpus, out, reporter=console().reporter, origins=origins, verify=verify
    )
    show_tokenizer(out, manifest.counts)


def show_tokenizer(out: Path, counts: dict[str, Any]) -> None:
    """Two tables: the measures, and sentences as the tokenizer cuts them."""
    from malmoi.tokenizer.measure import readable

    shown = {
        "vocab_size": f"{counts['vocab_size']:,}",
        # Byte-level BPE has bytes for an alphabet.
        **({"alphabet": f"{counts['alphabet']:,}"} if "alphabet" in counts else {}),
        "unk_percent": f"{counts['unk_percent']:.2f} %",
        "tokens_per_eojeol": f"{counts['tokens_per_eojeol']:.2f}",
        "characters_per_token": f"{counts['characters_per_token']:.2f}",
        "measured_on": text(f"cli.tokenizer.measured.{counts['measured_on']}"),
    }
    headers = [text("cli.tokenizer.column.measure"), text("cli.tokenizer.column.value")]
    rows = [(text(f"cli.tokenizer.row.{name}"), value) for name, value in shown.items()]
    console().table("cli.tokenizer.table", headers, rows)
    headers = [text("cli.tokenizer.column.text"), text("cli.tokenizer.column.tokens")]
    samples = [(sample, " ".join(readable(counts["kind"], tokens))) for sample, tokens in counts["samples"]]
    console().table("cli.tokenizer.samples", headers, samples)
    console().result({"out": str(out), **counts})
