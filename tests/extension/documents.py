"""A stage: how many documents the corpus has, as an artifact in `documents/`."""

from __future__ import annotations

from collections.abc import Iterator

from malmoi.artifact.finished import artifact_key, finished_artifact, is_current, open_artifact
from malmoi.cli.console import console
from malmoi.config import Section
from malmoi.context import Context
from malmoi.pipeline.stage import Plan, Stage


class DocumentsConfig(Section):
    """It has no settings."""


def run(plan: Plan, context: Context) -> Iterator[object]:
    corpus = open_artifact(plan.out / "corpus", "corpus", verify=context.verify)
    out, config = plan.out / "documents", DocumentsConfig()
    key = artifact_key("documents", config, {"corpus": corpus.digest})
    if is_current(out, "documents", key, context):
        context.reporter.say("base.current", path=out)
    else:
        with finished_artifact(out, "documents", config, key, origins=context.origins) as draft:
            draft.counts["documents"] = corpus.counts["documents"] + corpus.counts["heldout_documents"]
    yield open_artifact(out, "documents").counts["documents"]


def show(documents: int) -> None:
    console().result({"documents": documents}, f"{documents} documents")


DOCUMENTS = Stage(run, shows="tests.extension.documents:show")
