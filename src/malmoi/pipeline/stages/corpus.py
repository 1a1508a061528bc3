"""Raw files → `corpus`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage


def run(plan: Plan, context: Context) -> Iterator[Path]:
    from malmoi.corpus.build import build_corpus

    build_corpus(plan.recipe.corpus, plan.out / "corpus", context)
    yield plan.out / "corpus"


CORPUS = Stage(run, shows="malmoi.cli.corpus:show")
