"""A kind of tokenizer by one line: learned, opened, shards, pretraining, fine-tuning, and texts answered."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from malmoi import load
from malmoi.config import read_recipe
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.pipeline.recipe import Recipe
from malmoi.pretrain.checkpoint import newest_checkpoint
from malmoi.shards.check import verify_shards
from malmoi.shards.format import STARTS_WORD, Shards
from malmoi.tasks.data import read_task
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.kinds import KINDS
from malmoi.tokenizer.same import Change, contradictions
from malmoi.tokenizer.train import train_tokenizer
from tests.extension.characters import CHARACTERS, FILE
from tests.tiny.labelled import QUICK, write_table
from tests.tiny.pipeline import add_shards
from tests.tiny.runs import train
from tests.tiny.texts import LINES


@pytest.fixture(autouse=True, scope="module")
def characters() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS, "characters", CHARACTERS)
        yield


@pytest.fixture(scope="module")
def built(pipeline: Path, characters: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("characters")
    return add_shards(pipeline / "corpus", folder, kind="characters", vocab_size=104)


def test_the_recipe_knows_it(pipeline: Path, tmp_path: Path) -> None:
    config, _ = read_recipe(None, Recipe, ["out=x", "corpus.urls=keep", "tokenizer.kind=characters"])
    assert config.tokenizer.kind == "characters"
    with pytest.raises(MalmoiError, match=r"'wordpiece', .*'bytebpe', 'characters'"):
        read_recipe(None, Recipe, ["out=x", "corpus.urls=keep", "tokenizer.kind=character"])
    refused = TokenizerConfig(kind="characters", words=tmp_path / "words.txt")
    (tmp_path / "words.txt").write_text("말모이\n", "utf-8")
    with pytest.raises(MalmoiError, match="MM0267"):
        train_tokenizer(refused, pipeline / "corpus", tmp_path / "out")


def test_spans_are_in_the_characters_that_were_given(built: Path) -> None:
    tokenizer = load_tokenizer(built / "tokenizer")
    assert (tokenizer.kind, tokenizer.one_spelling) == ("characters", True)
    text = unicodedata.normalize("NFD", "할머니는") + " 뷁 쓴다."
    found = tokenizer.encode_batch([text])
    assert "".join(text[a:b] for a, b in found.spans.tolist()) == text.replace(" ", "")
    assert tokenizer.tokens(found.ids)[1:6] == ["할", "머", "니", "는", "[UNK]"]


def test_a_changed_file_is_noticed_and_another_kind_is_told(
    built: Path, pipeline: Path, tmp_path: Path
) -> None:
    shutil.copytree(built / "tokenizer", tmp_path / "changed")
    (tmp_path / "changed" / FILE).write_text("가\n나", "utf-8")
    with pytest.raises(MalmoiError, match="MM0310"):
        load_tokenizer(tmp_path / "changed")
    ours, other = load_tokenizer(built / "tokenizer"), load_tokenizer(pipeline / "tokenizer")
    assert list(contradictions(ours, other)) == [Change("kind", "characters", "wordpiece")]
    assert list(contradictions(ours, ours)) == []


def test_shards_are_texts_again(built: Path) -> None:
    texts = [text for _, text in verify_shards(built / "shards", seed=2)]
    assert set(texts) <= set(LINES)
    part = Shards.open(built / "shards", verify=True).train[0]
    first = part.ids[: part.sentences[1]]
    assert int(np.count_nonzero(part.flags[: len(first)] & STARTS_WORD)) == 5  # eojeols of each sentence


def test_a_model_of_it_answers(built: Path, tmp_path: Path) -> None:
    train(built / "shards", tmp_path / "run", steps=4, heldout_every=4)
    assert (newest_checkpoint(tmp_path / "run") / FILE).is_file()
    rows = ([text, "라디오" in text] for text in LINES[::7])
    table = write_table(tmp_path / "train.csv", "글,라벨", rows)
    config = FinetuneConfig(train=table, text=("글",), label="라벨", max_len=32, **QUICK)
    finetune(config, read_task(config), pretrained(tmp_path / "run"), tmp_path / "tuned")
    found = load(tmp_path / "tuned" / "model").predict(["할머니는 주말에 부엌에서 라디오를 듣는다."])
    assert found[0].label in ("True", "False")
