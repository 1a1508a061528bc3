"""tokie is used where it agrees, and dropped where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from malmoi.tokenizer.engine import WORTH_IT, Engine, _load_tokie
from malmoi.tokenizer.wordpiece import WordPiece
from tests.tokenizer.korean import SENTENCES

LONG = "\n".join(SENTENCES * 20)


def test_short_texts_do_not_load_tokie(small: WordPiece) -> None:
    engine = Engine(small._library)
    engine.ids(SENTENCES[0])
    assert engine.name == "tokenizers"


def test_long_texts_use_it_and_agree(small: WordPiece) -> None:
    engine = Engine(small._library)
    assert len(LONG) > WORTH_IT
    assert np.array_equal(engine.ids(LONG), engine.reference_ids(LONG.split("\n")))
    assert engine.name == "tokie"
    assert Engine(small._library, "tokenizers").ids(LONG).tolist() == engine.ids(LONG).tolist()


def test_a_fast_library_that_disagrees_is_dropped_aloud_and_ids_are_right(small: WordPiece) -> None:
    tokenizer = WordPiece(small.entries)
    # A tokie of another vocabulary: the last merges are missing, so it cuts some words otherwise.
    tokenizer._engine._undecided = False
    other = WordPiece([*small.entries[:200], *(f"[unused{i}]" for i in range(len(small.entries) - 200))])
    tokenizer._engine._tokie = _load_tokie(WordPiece([e for e in other.entries if e != "##니"])._library)
    with pytest.warns(UserWarning, match="MM0209"):
        found = tokenizer.encode_batch(SENTENCES)
    assert tokenizer.engine == "tokenizers"
    assert np.array_equal(found.ids, small.encode_batch(SENTENCES).ids)
    assert np.array_equal(found.spans, small.encode_batch(SENTENCES).spans)
