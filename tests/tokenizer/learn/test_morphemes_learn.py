"""Vocabularies shaped by an analyzer: no entry reaches over a morpheme, every letter has both forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from malmoi.analyzers import open_analyzer
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.learner import LearningTask, Result, learn, passes
from malmoi.tokenizer.morpheme import train
from malmoi.tokenizer.morpheme.marked import MARK, bert_characters, mark_lemmas, mark_surfaces
from malmoi.tokenizer.morpheme.train import ANALYSIS, _portions
from malmoi.tokenizer.wordpiece.model import PREFIX
from tests.tiny.korean import SENTENCES, TEXT


def _learn(**settings: object) -> Result:
    config = TokenizerConfig(**{"vocab_size": 240, "analyzer": "mecab", **settings})
    return learn(LearningTask(config, lambda: iter([TEXT]), "corpus"))


def _words(form: str = "surface", mark: str = MARK) -> set[str]:
    """The rewritten words of the text, punctuation and hanja apart."""
    analyzer, characters, lines = open_analyzer("mecab"), bert_characters(), TEXT.split("\n")
    if form == "lemma":
        texts = mark_lemmas(lines, analyzer.analyze(lines), characters).texts
    else:
        texts = mark_surfaces(lines, analyzer.surfaces(lines), characters, mark=mark).texts
    spaced = "".join(char if char.isalnum() or char == MARK else " " for char in " ".join(texts))
    return set(spaced.split())


def _merged(result: Result) -> list[str]:
    entries = result.tokenizer.tokens(range(result.tokenizer.learned))
    plain = [entry for entry in entries if entry not in SPECIAL_TOKENS]
    return [entry for entry in plain if len(entry.removeprefix(PREFIX)) > 1]


@pytest.mark.parametrize(
    ("settings", "form"),
    [
        ({"kind": "morpheme-wordpiece", "inside": "continuation"}, "surface"),
        ({"kind": "morpheme"}, "surface"),
        ({"kind": "morpheme", "form": "lemma"}, "lemma"),
    ],
)
def test_no_entry_reaches_over_a_morpheme(settings: dict[str, object], form: str) -> None:
    words = _words(form)
    inside = {word[1:] for word in words}  # without its first letter, or without its mark
    merged = _merged(_learn(**settings))
    assert len(merged) > 30
    for entry in merged:
        if entry.startswith(PREFIX):
            assert any(entry[len(PREFIX) :] in word for word in inside), entry
        else:
            assert any(word.startswith(entry) for word in words), entry
    assert {"##에서", "##으로", "##다가"} & set(merged)


def test_morphemes_as_words() -> None:
    words = _words(mark="")
    merged = _merged(_learn(kind="morpheme-wordpiece", inside="word"))
    for entry in merged:
        at = 1 if entry.startswith(PREFIX) else 0
        assert any(entry.removeprefix(PREFIX) in word[at:] for word in words), entry
    assert "에서" in merged


def test_plain_pieces_do_reach_over() -> None:
    entries = _merged(_learn(kind="wordpiece"))
    assert not {entry for entry in entries if not entry.startswith(PREFIX)} <= {
        word[:end] for word in _words() for end in range(len(word) + 1)
    }


@pytest.mark.parametrize("inside", ["word", "continuation"])
def test_every_letter_has_both_forms_so_nothing_is_unknown_without_the_analyzer(inside: str) -> None:
    tokenizer = _learn(kind="morpheme-wordpiece", inside=inside).tokenizer
    entries = set(tokenizer.tokens(range(tokenizer.vocab_size)))
    letters = {char for char in TEXT if "가" <= char <= "힣"}
    assert letters | {f"##{char}" for char in letters} <= entries
    backwards = [sentence[::-1] for sentence in SENTENCES]
    assert tokenizer.special.unk not in tokenizer.encode_batch(backwards, specials=False).ids


def test_the_two_kinds_share_a_vocabulary_and_differ_in_its_use() -> None:
    shaped = _learn(kind="morpheme-wordpiece", inside="continuation").tokenizer
    inside = _learn(kind="morpheme", form="surface").tokenizer
    assert shaped.tokens(range(240)) == inside.tokens(range(240))
    assert shaped.encode_batch(SENTENCES).morphemes is None
    assert inside.encode_batch(SENTENCES).morphemes is not None


def test_the_text_is_analyzed_once_however_often_learning_reads_it() -> None:
    calls: list[int] = []
    advanced: list[float] = []

    def blocks() -> Iterator[str]:
        calls.append(1)
        yield from (TEXT[:2_000], TEXT[2_000:])

    config = TokenizerConfig(kind="morpheme", analyzer="mecab", vocab_size=240)
    result = learn(LearningTask(config, blocks, "corpus", advanced.append))
    size = len(TEXT.encode())
    # Learned twice, with two passes each: would fewer letters leave more room for pieces?
    assert result.counts["alphabet"] == 101
    assert (len(calls), round(sum(advanced))) == (1, (ANALYSIS + 4) * size)
    assert passes("morpheme") == ANALYSIS + 2


def test_portions_are_all_lines_in_order() -> None:
    lines = TEXT.split("\n")
    for size in (1, 50, 333, 10**6):
        portions = list(_portions(lines, size))
        assert [line for portion in portions for line in portion] == lines
        assert all(sum(len(line) + 1 for line in portion[:-1]) < size for portion in portions)
    assert len(list(_portions(lines, 333))) > 10


def test_on_two_cores_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "PORTION", 30_000)
    text = TEXT * 12
    config = TokenizerConfig(kind="morpheme", analyzer="mecab", vocab_size=240)
    one, two = (learn(LearningTask(config, lambda: iter([text]), "corpus", workers=n)) for n in (1, 2))
    assert one.tokenizer.tokens(range(240)) == two.tokenizer.tokens(range(240))


def test_counts_tell_the_analyzer() -> None:
    counts = _learn(kind="morpheme", form="lemma").counts
    assert counts["form"] == "lemma"
    assert counts["analyzer"]["analyzer"] == "mecab"
    assert counts["analyzer"]["library"].startswith("mecab-python3 ")
