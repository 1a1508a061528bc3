"""Add words to a finished vocabulary: a tokenizer and words in, a tokenizer out in which all that was there
keeps its id, so that a trained model goes on (`pretrain.init`).

[unused] entries are filled first, which leaves the size of the model's matrix as it is; only then does the
vocabulary grow, to a multiple of 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from malmoi.artifact.disk import real_place
from malmoi.artifact.finished import (
    Manifest,
    artifact_key,
    digest_json,
    finished_artifact,
    is_current,
    open_artifact,
    read_manifest,
)
from malmoi.codes import Code
from malmoi.config import Section
from malmoi.context import Context
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.tokenizer.about import seal
from malmoi.tokenizer.blocks import MB, counted_blocks, sample_blocks
from malmoi.tokenizer.counts import Added, ExtendedCounts
from malmoi.tokenizer.encoding.user_words import UNUSED
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer.measure import cut, measure
from malmoi.tokenizer.propose import Proposal, propose_words
from malmoi.tokenizer.train import MEASURED_BYTES
from malmoi.tokenizer.wordpiece.model import WordPiece


class ExtendConfig(Section):
    """What is added to a vocabulary."""

    words: tuple[str, ...] = Field((), description="Words to add.")
    add: int = Field(0, ge=0, description="Words to add beside them: those that save most tokens.")
    min_count: int = Field(5, ge=1, description="Fewest occurrences in the text of a word that is proposed.")
    sample_mb: int = Field(20, ge=1, description="Most text read for that, in MB, spread over the corpus.")


def extend_tokenizer(
    config: ExtendConfig,
    tokenizer: Path,
    out: Path,
    context: Context = Context(),
    *,
    corpus: Path | None = None,
) -> Manifest:
    """Write a tokenizer artifact with `config.words` and the words `corpus` asks for.

    Raises MM0244 (`out` is the tokenizer itself), MM0262 (a kind whose vocabulary is not a list one can add
    to), MM0263 (nothing to add), and those of `load_tokenizer` and artifacts.
    """
    out, tokenizer, corpus = real_place(out), as_stored(tokenizer), corpus and as_stored(corpus)
    opened = load_tokenizer(tokenizer, reporter=context.reporter)
    if not isinstance(opened, WordPiece):
        raise MalmoiError(Code.CANNOT_ADD_WORDS, tokenizer, kind=opened.kind)
    if out.resolve() == (tokenizer if tokenizer.is_dir() else tokenizer.parent).resolve():
        raise MalmoiError(Code.EXTEND_INTO_ITSELF, out)
    inputs = {"tokenizer": _digest(opened)}
    if corpus is not None:
        inputs["corpus"] = open_artifact(corpus, "corpus", verify=context.verify).digest
    key = artifact_key("tokenizer", config, inputs)
    if is_current(out, "tokenizer", key, context):
        context.reporter.say("base.current", path=out)
        return read_manifest(out)
    proposed: list[Proposal] = []
    extended = extend(opened, config.words)
    if corpus is not None and config.add:
        parts = training_parts(corpus)
        total = min(sum(path.stat().st_size for path in parts), config.sample_mb * MB)
        with context.reporter.step("tokenizer.proposing", total=total, unit="B") as step:
            blocks = counted_blocks(sample_blocks(parts, config.sample_mb * MB), step.advance)
            proposed = propose_words(extended, blocks, config.add, min_count=config.min_count)
    extended = extend(extended, [proposal.word for proposal in proposed])
    if extended.words == opened.words:
        raise MalmoiError(Code.NOTHING_TO_ADD, corpus, min_count=config.min_count)
    with finished_artifact(out, "tokenizer", config, key, origins=context.origins) as draft:
        extended.save(draft.path)
        seal(draft.path)
        measured = _measured(opened, extended, corpus)
        draft.counts |= _counts(opened, extended, proposed, measured).as_json()
    return read_manifest(out)


def extend(tokenizer: WordPiece, words: Sequence[str]) -> WordPiece:
    """The tokenizer with `words` as entries that are never split; entries it has keep their ids."""
    entries, known = list(tokenizer.entries), set(tokenizer.entries)
    new = [word for word in dict.fromkeys(words) if word not in known]
    free = [index for index, entry in enumerate(entries) if UNUSED.fullmatch(entry)]
    for index, word in zip(free, new, strict=False):
        entries[index] = word
    if more := new[len(free) :]:
        entries += more
        taken = [int(entry[7:-1]) for entry in known if UNUSED.fullmatch(entry)]
        first = 1 + max(taken, default=-1)
        entries += [f"[unused{first + index}]" for index in range(-len(entries) % 8)]
    extended = WordPiece(
        entries,
        lower_case=tokenizer.lower_case,
        strip_accents=tokenizer.strip_accents,
        split_hanja=tokenizer.split_hanja,
        learned=sum(not UNUSED.fullmatch(entry) for entry in entries),
        kind=tokenizer.kind,
        told=tokenizer.told,
        words=tuple(dict.fromkeys([*tokenizer.words, *words])),
    )
    extended.one_spelling = tokenizer.one_spelling
    return extended


def _digest(tokenizer: WordPiece) -> str:
    settings = [tokenizer.lower_case, tokenizer.strip_accents, tokenizer.split_hanja, tokenizer.kind]
    settings += [tokenizer.one_spelling] * tokenizer.one_spelling
    return digest_json([tokenizer.entries, list(tokenizer.words), settings])


def _counts(
    before: WordPiece, after: WordPiece, proposed: Sequence[Proposal], measured: dict[str, Any]
) -> ExtendedCounts:
    told = {proposal.word: asdict(proposal) for proposal in proposed}
    ids = {entry: index for index, entry in enumerate(after.entries)}
    added = [
        Added(**{"word": word, "id": ids[word], "tokens_before": cut(before, word)} | told.get(word, {}))
        for word in after.words
        if word not in before.words
    ]
    return ExtendedCounts(
        kind=after.kind,
        vocab_size=after.vocab_size,
        vocab_size_before=before.vocab_size,
        learned=after.learned,
        filled=sum(a != b for a, b in zip(before.entries, after.entries, strict=False)),
        added=tuple(added),
        **measured,
    )


def _measured(before: WordPiece, after: WordPiece, corpus: Path | None) -> dict[str, Any]:
    """Both tokenizers on text of the corpus, held-out where there is some."""
    if corpus is None:
        return {}
    heldout = [path for path in heldout_parts(corpus) if path.stat().st_size]
    found: dict[str, Any] = {"measured_on": "heldout" if heldout else "training"}
    for suffix, tokenizer in (("_before", before), ("", after)):
        blocks = sample_blocks(heldout or training_parts(corpus), MEASURED_BYTES)
        found |= {name + suffix: value for name, value in measure(tokenizer, blocks).items()}
    return found
