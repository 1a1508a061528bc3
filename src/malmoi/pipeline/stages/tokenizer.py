"""`corpus` → `tokenizer`, or a folder below it for each of several."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage, say_which


def check(plan: Plan) -> None:
    """Raise MM0220 where the library of an analyzer is not there."""
    from malmoi.analyzers import check_library
    from malmoi.tokenizer.kinds import KINDS

    for name, tokenizer in plan.tokenizers.items():
        if KINDS[tokenizer.kind].with_analyzer and not (plan.out / "tokenizer" / name).exists():
            check_library(tokenizer.analyzer)


def run(plan: Plan, context: Context) -> Iterator[dict[str, Path]]:
    from malmoi.tokenizer.train import train_tokenizer

    folders = {name: plan.out / "tokenizer" / name for name in plan.tokenizers}
    for number, (name, tokenizer) in enumerate(plan.tokenizers.items(), 1):
        say_which(context, name, number, len(folders))
        train_tokenizer(tokenizer, plan.out / "corpus", folders[name], context)
    yield folders


TOKENIZER = Stage(run, shows="malmoi.cli.tokenizer.train:show", check=check)
