"""The tokenizer stage: a corpus artifact in, a tokenizer artifact out, measured on text it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from malmoi.artifact import (
    Manifest,
    artifact_key,
    finished_artifact,
    is_current,
    open_artifact,
    read_manifest,
)
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter, Step
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.blocks import MB, sample_blocks
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.learn import Learned, learn_wordpiece
from malmoi.tokenizer.measure import measure
from malmoi.tokenizer.wordpiece import WordPiece

MEASURED_BYTES = 2 * MB


def train_tokenizer(
    config: TokenizerConfig,
    corpus: Path,
    out: Path,
    *,
    reporter: Reporter = SILENT,
    origins: Mapping[str, str] | None = None,
    verify: bool = False,
) -> Manifest:
    """Learn a vocabulary from a corpus artifact and write the tokenizer artifact to `out`.

    Raises MM0207 (the data cannot fill `vocab_size`), MM0211 (no training text), MM0212 (`vocab_size` has no
    room for the characters), MM0214 (not UTF-8), and those of artifacts.
    """
    source = open_artifact(corpus, "corpus", verify=verify)
    inputs = {"corpus": source.digest}
    key = artifact_key("tokenizer", config, inputs)
    if is_current(out, "tokenizer", key, verify=verify):
        reporter.say("base.current", path=out)
        return read_manifest(out)
    parts = training_parts(corpus)
    total = sum(path.stat().st_size for path in parts)
    if not total:
        raise MalmoiError("MM0211", corpus)
    with finished_artifact(out, "tokenizer", config, key, origins=origins) as draft:
        sampled = min(total, config.sample_mb * MB)
        with reporter.step("tokenizer.learning", total=2 * sampled, unit="B") as step:
            learned = _learn(config, parts, str(corpus), step)
        tokenizer = WordPiece(_fill(config, learned), learned=config.vocab_size - config.unused)
        tokenizer.save(draft.path)
        heldout = [path for path in heldout_parts(corpus) if path.stat().st_size]
        measured = measure(tokenizer, sample_blocks(heldout or parts, MEASURED_BYTES))
        draft.counts |= {
            "vocab_size": tokenizer.vocab_size,
            "learned": tokenizer.learned,
            "alphabet": learned.alphabet,
            "alphabet_dropped": learned.dropped,
            "sampled_bytes": sampled,
            "measured_on": "heldout" if heldout else "training",
            **measured,
        }
    return read_manifest(out)


def _learn(config: TokenizerConfig, parts: list[Path], corpus: str, step: Step) -> Learned:
    """Learn exactly as many entries as asked. Raises MM0207 and MM0212 with a number that will do."""

    def learn(size: int, limit: int) -> Learned:
        return learn_wordpiece(blocks, size=size, limit_alphabet=limit, min_frequency=config.min_frequency)

    def blocks() -> Iterator[str]:
        for block in sample_blocks(parts, config.sample_mb * MB):
            yield block
            step.advance(len(block.encode()))

    fixed = len(SPECIAL_TOKENS) + config.unused
    room = config.vocab_size - fixed
    # One more than there is room for: does the data hold more, or is it used up?
    learned = learn(room + 1, config.limit_alphabet)
    found = len(learned.entries)
    if found < room:
        raise MalmoiError("MM0207", corpus, asked=config.vocab_size, filled=fixed + found)
    if found > room and learned.forms > room // 2:
        # 6,000 characters take 12,000 entries; a small vocabulary is better spent on pieces.
        fewer = learn(room, max(1, room // 4))
        if len(fewer.entries) == room:
            return fewer
    if learned.forms > room:
        needed = fixed + learned.forms
        raise MalmoiError("MM0212", corpus, vocab_size=config.vocab_size, needed=needed)
    return replace(learned, entries=learned.entries[:room])


def _fill(config: TokenizerConfig, learned: Learned) -> list[str]:
    """All entries in id order; [unused] ones last, as many as asked and up to the next multiple of 8.

    A matrix of 32,001 rows is slower than one of 32,008 on a GPU, and a model padded behind the vocabulary's
    back no longer fits its vocab.txt: so the filling is part of the vocabulary.
    """
    entries = [*SPECIAL_TOKENS, *learned.entries]
    unused = config.unused + -(len(entries) + config.unused) % 8
    return entries + [f"[unused{index}]" for index in range(unused)]
