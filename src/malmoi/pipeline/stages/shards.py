"""`corpus` and `tokenizer` → `shards`, or a folder below it for each of several tokenizers."""

from __future__ import annotations

from collections.abc import Iterator

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage, say_which


def run(plan: Plan, context: Context) -> Iterator[object]:
    from malmoi.shards.build import build_shards

    for number, name in enumerate(plan.tokenizers, 1):
        say_which(context, name, number, len(plan.tokenizers))
        tokenizer, out = plan.out / "tokenizer" / name, plan.out / "shards" / name
        build_shards(plan.recipe.shards, plan.out / "corpus", tokenizer, out, context)
    yield from ()


SHARDS = Stage(run)
