"""The tokenizer stage: a corpus artifact in, a tokenizer artifact out, measured on text it has not seen."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path

from malmoi.analyzers.user_dictionary import UserWords
from malmoi.artifact.disk import real_place
from malmoi.artifact.finished import (
    Manifest,
    artifact_key,
    digest_json,
    finished_artifact,
    is_current,
    open_artifact,
    read_manifest,
    warn_versions,
)
from malmoi.codes import Code
from malmoi.context import Context
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.errors import MalmoiError
from malmoi.kinds import imported
from malmoi.paths import as_stored
from malmoi.progress import Step
from malmoi.tokenizer.about import seal
from malmoi.tokenizer.blocks import MB, sample_blocks
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.counts import TokenizerCounts
from malmoi.tokenizer.encoding.user_words import read_words
from malmoi.tokenizer.kinds import KINDS
from malmoi.tokenizer.learner import LearningTask, learn, passes
from malmoi.tokenizer.measure import measure

MEASURED_BYTES = 2 * MB


def train_tokenizer(
    config: TokenizerConfig,
    corpus: Path,
    out: Path,
    context: Context = Context(),
) -> Manifest:
    """Learn a vocabulary from a corpus artifact and write the tokenizer artifact to `out`.

    Raises MM0207 (the data cannot fill `vocab_size`), MM0211 (no training text), MM0212 (`vocab_size` has no
    room for the characters), MM0214 (not UTF-8), MM0220 to MM0225 (the analyzer and its user dictionary),
    MM0260-MM0261 (the user's words), MM0267 and MM0243 (a kind that takes none), and those of artifacts.
    """
    out, corpus = real_place(out), as_stored(corpus)
    source = open_artifact(corpus, "corpus", verify=context.verify)
    warn_versions(corpus, source, context.reporter)
    kind = KINDS[config.kind]
    refused = imported(kind.refuses) if kind.refuses else None
    words = read_words(config.words, refused) if config.words else ()
    inputs = {"corpus": source.digest} | ({"words": digest_json(words)} if words else {})
    if config.user_dictionary is not None and KINDS[config.kind].with_analyzer:
        inputs["user_dictionary"] = UserWords(config.user_dictionary).digest
    _check_kind(config)
    key = artifact_key("tokenizer", config, inputs)
    if is_current(out, "tokenizer", key, context):
        context.reporter.say("base.current", path=out)
        return read_manifest(out)
    parts = training_parts(corpus)
    total = sum(path.stat().st_size for path in parts)
    if not total:
        raise MalmoiError(Code.NO_TRAINING_TEXT, corpus)
    with finished_artifact(out, "tokenizer", config, key, origins=context.origins) as draft:
        sampled = min(total, config.sample_mb * MB)
        with context.reporter.step("tokenizer.learning", total=sampled, unit="B") as step:
            blocks = partial(sample_blocks, parts, config.sample_mb * MB)
            bar = _Bar(step, sampled, passes(config.kind))
            task = LearningTask(
                config, blocks, str(corpus), bar.advance, words, context.cores, context.reporter
            )
            result = learn(task)
            bar.advance(math.inf)
        tokenizer = result.tokenizer
        tokenizer.one_spelling = True
        tokenizer.save(draft.path)
        seal(draft.path)
        heldout = [path for path in heldout_parts(corpus) if path.stat().st_size]
        measured = measure(tokenizer, sample_blocks(heldout or parts, MEASURED_BYTES))
        draft.counts |= TokenizerCounts(
            kind=tokenizer.kind,
            vocab_size=tokenizer.vocab_size,
            learned=tokenizer.learned,
            **result.counts,
            **({"words": len(words)} if words else {}),
            sampled_bytes=sampled,
            measured_on="heldout" if heldout else "training",
            **measured,
        ).as_json()
    return read_manifest(out)


class _Bar:
    """Bytes of the text, as if it were read once: a pass moves the bar by its share. It ends with the text,
    also where that is read again because too many characters left no room for pieces."""

    def __init__(self, step: Step, total: int, passes: int) -> None:
        self._step, self._passes, self._left = step, passes, float(total * passes)

    def advance(self, amount: float) -> None:
        moved = min(amount, self._left)
        self._left -= moved
        self._step.advance(moved / self._passes)


def _check_kind(config: TokenizerConfig) -> None:
    """Refuse what the kind would not heed, before anything is learned."""
    if config.words is not None and not KINDS[config.kind].takes_words:
        raise MalmoiError(Code.KIND_TAKES_NO_WORDS, config.words, kind=config.kind)
    if config.user_dictionary is not None and not KINDS[config.kind].with_analyzer:
        raise MalmoiError(Code.KIND_WITHOUT_ANALYZER, config.user_dictionary, kind=config.kind)
