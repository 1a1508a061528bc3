"""A sentence through the pipeline, as data: the CLI prints it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.analyzers import open_analyzer
from malmoi.codes import Code
from malmoi.corpus.trace import CleaningTrace, trace_cleaning
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.progress import SILENT, Reporter
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer.same import contradictions, deviations
from malmoi.tokenizer_eval.examples import Token, tokens_of
from malmoi.trace.masks import Masking, mask_tokens, open_run, predict_masked


@dataclass(frozen=True, slots=True)
class Morpheme:
    """`[start, end)` in characters of sentence number `sentence`."""

    sentence: int
    surface: str
    lemma: str
    tag: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Attributes:
    sentences: what the cleaner made of the text, including those it would drop; spans count their characters.
    tokens: of each sentence, without special ones; None without a tokenizer.
    masking: [CLS], all tokens, [SEP]; None without a tokenizer.
    left_out: tokens beyond the length of a row, which the masks leave out.
    """

    text: str
    cleaned: CleaningTrace
    sentences: list[str]
    analyzer: str | None
    morphemes: list[Morpheme]
    tokenizer: str | None
    tokens: list[list[Token]] | None
    masking: Masking | None
    left_out: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def trace(
    text: str,
    *,
    tokenizer: Path | None = None,
    analyzer: str | None = None,
    run: Path | None = None,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> Trace:
    """Follow one text.

    Args:
        tokenizer: by default that of `run`.
        run: a pretraining run; its newest checkpoint predicts the masked tokens.
        seed: of the masks.

    Raises MM0256 (nothing is left to follow), MM0257 and MM0258 (a tokenizer that is not the run's), MM0504
    (no checkpoint), and what `load_tokenizer` and `open_analyzer` raise.
    """
    checkpoint = None
    tokenizer, run = tokenizer and as_stored(tokenizer), run and as_stored(run)
    if run is not None:
        from malmoi.pretrain.checkpoint import newest_checkpoint

        checkpoint = newest_checkpoint(run)
    chosen = tokenizer or checkpoint
    opened = load_tokenizer(chosen, reporter=reporter) if chosen else None
    if checkpoint is not None and tokenizer is not None and opened is not None:
        _check_same(opened, tokenizer, checkpoint, reporter)
    cleaned = trace_cleaning(text)
    sentences = [fate.text for fate in cleaned.sentences]
    if not sentences:
        raise MalmoiError(Code.NO_TEXT_TO_TRACE)
    tokens = masking = None
    left_out = 0
    if opened is not None:
        tokens = tokens_of(opened, sentences)
        ids = [token.id for sentence in tokens for token in sentence]
        masking, left_out = _mask(ids, opened, run, checkpoint, seed)
    return Trace(
        text=text,
        cleaned=cleaned,
        sentences=sentences,
        analyzer=analyzer,
        morphemes=_morphemes(sentences, analyzer) if analyzer else [],
        tokenizer=str(chosen) if chosen else None,
        tokens=tokens,
        masking=masking,
        left_out=left_out,
    )


def _mask(
    ids: list[int], tokenizer: Tokenizer, run: Path | None, checkpoint: Path | None, seed: int
) -> tuple[Masking, int]:
    special = tokenizer.special
    if run is None or checkpoint is None:
        return mask_tokens([special.cls, *ids, special.sep], tokenizer, seed), 0
    model = open_run(run, tokenizer, checkpoint)
    kept = ids[: model.run.pretrain.row_len - 2]
    row = [special.cls, *kept, special.sep]
    return predict_masked(row, tokenizer, model, seed), len(ids) - len(kept)


def _check_same(given: Tokenizer, path: Path, checkpoint: Path, reporter: Reporter) -> None:
    """A model reads only the ids it was trained with."""
    theirs = load_tokenizer(checkpoint, encodes=False)
    every = range(theirs.vocab_size)
    if given.vocab_size != theirs.vocab_size or given.tokens(every) != theirs.tokens(every):
        raise MalmoiError(Code.RUN_HAS_OTHER_TOKENIZER, path, checkpoint=checkpoint)
    for change in contradictions(theirs, given):
        raise MalmoiError(
            Code.RUN_CUTS_DIFFERENTLY,
            path,
            checkpoint=checkpoint,
            name=change.name,
            old=change.before,
            new=change.after,
        )
    for change in deviations(theirs, given, tokenizer_digest):
        reporter.warn(
            Code.TOKENIZER_DIFFERS_SLIGHTLY, str(path), name=change.name, old=change.before, new=change.after
        )


def _morphemes(sentences: list[str], name: str) -> list[Morpheme]:
    found = open_analyzer(name).analyze(sentences)
    owners = np.repeat(np.arange(len(sentences)), found.counts).tolist()
    surfaces = found.surfaces(sentences)
    return [
        Morpheme(owner, surface, lemma, tag, start, end)
        for owner, surface, lemma, tag, (start, end) in zip(
            owners, surfaces, found.lemmas, found.tags, found.spans.tolist(), strict=True
        )
    ]
