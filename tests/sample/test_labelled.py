"""The labelled sets: formats and quirks of the published files, and a meaning that letters do not give."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict

import pytest

from malmoi.sample.conjugate import FORMS
from malmoi.sample.documents import reviews
from malmoi.sample.draw import Draws
from malmoi.sample.labelled import NSMC_ROWS, PAIR_ROWS, STS_ROWS, letters, unknown_expressions
from malmoi.sample.lexicon import LABELLED_DOMAINS, POLARITIES, expressions, known_expressions, word
from malmoi.sample.world import make_world


def rows(files: dict[str, bytes], name: str) -> tuple[list[str], list[list[str]]]:
    header, *lines = files[name].decode().removesuffix("\n").split("\n")
    return header.split("\t"), [line.split("\t") for line in lines]


@pytest.fixture(scope="module")
def nsmc(files: dict[str, bytes]) -> dict[str, list[list[str]]]:
    return {split: rows(files, f"nsmc/ratings_{split}.txt")[1] for split in NSMC_ROWS}


def test_nsmc_format_and_quirks(files: dict[str, bytes], nsmc: dict[str, list[list[str]]]) -> None:
    assert rows(files, "nsmc/ratings_train.txt")[0] == ["id", "document", "label"]
    for split, count in NSMC_ROWS.items():
        assert len(nsmc[split]) == count
        assert all(len(row) == 3 and row[0].isdigit() for row in nsmc[split])
        assert Counter(row[2] for row in nsmc[split]) == {"0": count // 2, "1": count // 2}
        assert any(row[1].count('"') == 1 for row in nsmc[split])
    assert [sum(row[1] == "" for row in nsmc[split]) for split in NSMC_ROWS] == [5, 3]


def test_train_and_test_share_no_sentence(nsmc: dict[str, list[list[str]]]) -> None:
    def sentences(split: str) -> set[str]:
        parts = (re.split(r"[.!~^;ㅋㅎㅠ]+", row[1]) for row in nsmc[split])
        return {letters(part) for sentence in parts for part in sentence if letters(part)}

    assert not sentences("train") & sentences("test")
    assert not {row[1] for row in nsmc["train"]} & {row[1] for row in nsmc["test"]} - {""}


def test_korsts_format_and_scores(files: dict[str, bytes]) -> None:
    for split, count in STS_ROWS.items():
        header, table = rows(files, f"korsts/sts-{split}.tsv")
        assert header == ["genre", "filename", "year", "id", "score", "sentence1", "sentence2"]
        assert len(table) == count
        assert all(re.fullmatch(r"[0-5]\.\d{3}", row[4]) and float(row[4]) <= 5 for row in table)
        assert any(row[5].startswith('"') for row in table)
        bands = Counter(int(float(row[4])) for row in table)
        assert all(bands[band] >= count // 25 for band in range(5))


def test_question_pairs_format_and_inverted_label(files: dict[str, bytes]) -> None:
    for split, count in PAIR_ROWS.items():
        header, table = rows(files, f"question_pair/{split}.tsv")
        assert header == ["question1", "question2", "is_duplicate"]
        assert len(table) == count
        assert all(row[2] == "0" for row in table if letters(row[0]) == letters(row[1]))
        assert 0.38 < sum(row[2] == "0" for row in table) / count < 0.52


def forms(text: str) -> set[str]:
    return {word(text).form(name, past) for name in FORMS for past in (False, True)}


@pytest.fixture(scope="module")
def company() -> tuple[Counter[str], dict[str, Counter[str]]]:
    """How many of 12,000 raw reviews hold each expression, and with which known expressions."""
    index: dict[str, list[str]] = defaultdict(list)
    for polarity in POLARITIES:
        for text in expressions()[polarity]:
            for form in forms(text):
                index[form].append(text)
    longest = max(form.count(" ") for form in index) + 1
    held: Counter[str] = Counter()
    beside: dict[str, Counter[str]] = defaultdict(Counter)
    good = set(expressions()["pos"])
    source = reviews(LABELLED_DOMAINS, make_world(7), Draws(7, "test"))
    for _ in range(12_000):
        words = re.findall(r"[가-힣]+", " ".join(next(source)))
        spans = (
            " ".join(words[at : at + n]) for n in range(1, longest + 1) for at in range(len(words) - n + 1)
        )
        found = {text for span in spans for text in index.get(span, ())}
        held.update(found)
        known = Counter("pos" if text in good else "neg" for text in found & known_expressions())
        for text in found:
            beside[text].update(known)
    return held, beside


def test_every_expression_of_the_test_set_is_common_in_the_corpus(
    company: tuple[Counter[str], dict[str, Counter[str]]],
) -> None:
    held, _ = company
    assert min(held[text] for text in unknown_expressions()) >= 10


def test_company_tells_the_polarity_of_nearly_every_unknown_expression(
    company: tuple[Counter[str], dict[str, Counter[str]]],
) -> None:
    """What raw text teaches: unknown expressions stand beside known ones of their own polarity."""
    _, beside = company
    right = [
        math.copysign(1, beside[text]["pos"] - beside[text]["neg"]) == (1 if polarity == "pos" else -1)
        for polarity in POLARITIES
        for text in expressions()[polarity]
        if text in unknown_expressions()
    ]
    assert sum(right) / len(right) > 0.97


def test_letters_alone_do_not_tell(nsmc: dict[str, list[list[str]]]) -> None:
    """A bag of character n-grams learns the known expressions and little more."""
    sklearn = pytest.importorskip("sklearn")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    assert sklearn
    bag = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    model = make_pipeline(bag, LogisticRegression(C=10, max_iter=1000))
    train = nsmc["train"][:800]
    model.fit([row[1] for row in train], [row[2] for row in train])
    accuracy = model.score([row[1] for row in nsmc["test"]], [row[2] for row in nsmc["test"]])
    assert 0.65 < accuracy < 0.75
