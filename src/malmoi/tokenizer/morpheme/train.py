"""Learn a vocabulary that knows morphemes: an analyzer cuts the text once, then WordPiece learns from the
pieces and never merges across two of them.

The rewritten text (see `tokenizer.marked`) lies in temporary files, because learning reads it twice or more
and analysis is the slow part: 0.14 MB/s on a core with Kiwi, where WordPiece learns from 5. Kiwi's answers
are kept, so the next vocabulary from the same text has them at once.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from malmoi.analyzers import open_analyzer
from malmoi.analyzers.cache import remembering
from malmoi.analyzers.parallel import PORTION, open_parallel
from malmoi.analyzers.user_dictionary import UserWords
from malmoi.tokenizer.encoding.frame import compose_all
from malmoi.tokenizer.learner import LearningTask, Result
from malmoi.tokenizer.morpheme.marked import MARK, bert_characters, mark_lemmas, mark_surfaces
from malmoi.tokenizer.morpheme.model import Form, MorphemeWordPiece
from malmoi.tokenizer.wordpiece.model import PREFIX, WordPiece
from malmoi.tokenizer.wordpiece.train import Learned, fill, learn_exactly, with_words

ANALYSIS = 10
"""What analysis counts for in the bar, when a pass of learning counts for 1."""
PASSES = ANALYSIS + 2


def learn_shaped(task: LearningTask) -> Result:
    """`morpheme-wordpiece`: the analyzer's boundaries shape the vocabulary, which is then plain WordPiece.

    `inside = "word"` writes each morpheme as a word (KLUE's recipe), `"continuation"` those inside a word in
    `##` pieces, as they are met when no analyzer runs. Raises those of `learn_exactly` and `open_analyzer`.
    """
    config = task.config
    learned, identity = _learn(task, "surface", MARK if config.inside == "continuation" else "")
    learned = with_words(learned, task.words, task)
    told = {"analyzer": identity, "inside": config.inside}
    tokenizer = WordPiece(
        fill(config, learned),
        learned=config.vocab_size - config.unused,
        kind="morpheme-wordpiece",
        told=told,
        words=task.words,
    )
    return Result(tokenizer, {"alphabet": learned.alphabet, "alphabet_dropped": learned.dropped, **told})


def learn_inside(task: LearningTask) -> Result:
    """`morpheme`: pieces of morphemes, as the analyzer will cut every text. Raises the same.

    A word of the user dictionary is always one morpheme; as an entry, in both forms, it is one token too.
    """
    config = task.config
    learned, identity = _learn(task, config.form, MARK)
    if config.user_dictionary is not None:
        words = sorted(UserWords(config.user_dictionary).tags)  # the digest knows no order of lines
        forms = [form for word in words for form in (word, PREFIX + word)]
        learned = with_words(learned, forms, task)
    tokenizer = MorphemeWordPiece(
        fill(config, learned),
        remembering(open_analyzer(config.analyzer, config.user_dictionary), task.reporter),
        form=config.form,
        user_dictionary=config.user_dictionary.read_bytes() if config.user_dictionary else None,
        learned=config.vocab_size - config.unused,
    )
    told = {"analyzer": identity, "form": config.form}
    return Result(tokenizer, {"alphabet": learned.alphabet, "alphabet_dropped": learned.dropped, **told})


def _learn(task: LearningTask, form: Form, mark: str) -> tuple[Learned, dict[str, str]]:
    """What was learned, and the identity of the analyzer that cut the text."""
    with tempfile.TemporaryDirectory(prefix="malmoi-") as folder:
        sizes, identity = _rewrite(task, form, mark, Path(folder))

        def blocks() -> Iterator[str]:
            for number, size in enumerate(sizes):
                yield (Path(folder) / str(number)).read_bytes().decode()
                task.advance(size)

        return learn_exactly(task.config, blocks, task.corpus, marked=True), identity


def _rewrite(task: LearningTask, form: Form, mark: str, folder: Path) -> tuple[list[int], dict[str, str]]:
    """Write each block, rewritten, into a file named by its number; gives the blocks' bytes."""
    config, characters = task.config, bert_characters()
    sizes: list[int] = []
    with open_parallel(config.analyzer, config.user_dictionary, workers=task.workers) as plain:
        analyzer = remembering(plain, task.reporter)
        for block in task.blocks():
            sizes.append(len(block.encode()))
            with (folder / str(len(sizes) - 1)).open("wb") as stream:
                # Some seconds of Kiwi at a time, for the bar; and work for all cores.
                for lines in _portions(block.split("\n"), PORTION * task.workers):
                    texts, _ = compose_all(lines)
                    if form == "lemma":
                        marked = mark_lemmas(texts, analyzer.analyze(texts), characters)
                    else:
                        marked = mark_surfaces(texts, analyzer.surfaces(texts), characters, mark=mark)
                    stream.write("".join(f"{text}\n" for text in marked.texts).encode())
                    task.advance(ANALYSIS * sizes[-1] * len(lines) / (block.count("\n") + 1))
        return sizes, analyzer.identity


def _portions(lines: list[str], size: int) -> Iterator[list[str]]:
    """The lines in runs of about `size` characters."""
    ends = list(accumulate(len(line) + 1 for line in lines))
    start = 0
    while start < len(lines):
        end = bisect_left(ends, (ends[start - 1] if start else 0) + size) + 1
        yield lines[start:end]
        start = end
