"""`shards` → `pretrain`, or a folder below it for each of several runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage, say_which


def run(plan: Plan, context: Context) -> Iterator[Path]:
    from malmoi.pretrain.run import pretrain

    for number, (folder, one) in enumerate(plan.runs.items(), 1):
        say_which(context, folder.partition("/")[2], number, len(plan.runs), one.tokenizer)
        shards, out = plan.out / "shards" / one.tokenizer, plan.out / folder
        pretrain(one.pretrain, one.model, shards, out, context)
        yield out


PRETRAIN = Stage(run, shows="malmoi.cli.pretrain:show")
