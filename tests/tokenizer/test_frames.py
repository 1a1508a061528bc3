"""What a peer's tokenizer.json puts around texts: ours, or refused before a row is made. transformers, which
opens the same folder, says what it is."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Library
from tokenizers import processors

from malmoi.errors import MalmoiError
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import SENTENCES, TEXT
from tests.tiny.pieces import learned

transformers = pytest.importorskip("transformers")

SEP, CLS = ["[SEP]", 3], ["[CLS]", 2]
BERT = {"type": "BertProcessing", "sep": SEP, "cls": CLS}
ROBERTA = {
    "type": "RobertaProcessing",
    "sep": SEP,
    "cls": CLS,
    "trim_offsets": True,
    "add_prefix_space": True,
}
BYTES = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
ONE, TWO = SENTENCES[0], SENTENCES[1]


def _template(single: str, pair: str) -> dict[str, Any]:
    library = Library.from_str(json.dumps({"model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}}))
    library.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    state: dict[str, Any] = json.loads(library.to_str())["post_processor"]
    return state


def _peer(small: WordPiece, folder: Path, processor: object, **config: object) -> Path:
    small.save(folder)
    for name in ("malmoi.json", "vocab.txt"):
        (folder / name).unlink()
    state = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(state | {"post_processor": processor}), "utf-8")
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | config))
    return folder


@pytest.mark.parametrize(
    ("processor", "single", "pair"),
    [
        (None, False, False),
        (BYTES, False, False),
        (BERT, True, True),
        ({"type": "Sequence", "processors": [BYTES, BERT]}, True, True),
        (ROBERTA, True, False),
        (_template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"), True, True),
        (_template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]"), True, False),
        (_template("$A [SEP]", "$A [SEP] $B:1 [SEP]:1"), False, False),
        (_template("[CLS] $A", "[CLS] $A [SEP] $B:1 [SEP]:1"), False, True),
    ],
)
def test_rows_are_those_of_transformers_or_refused(
    small: WordPiece, tmp_path: Path, processor: object, single: bool, pair: bool
) -> None:
    folder = _peer(small, tmp_path, processor)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    bare = theirs(ONE, add_special_tokens=False)["input_ids"]
    for path in (folder, folder / "tokenizer.json"):
        opened = load_tokenizer(path)
        assert opened.encode_batch([ONE], specials=False).ids.tolist() == bare
        for texts, same in (([ONE], single), ([(ONE, TWO)], pair)):
            row = theirs(*(texts[0] if isinstance(texts[0], tuple) else texts))
            wanted = small.encode_batch(texts)
            agrees = (row["input_ids"], row["token_type_ids"]) == (
                wanted.ids.tolist(),
                wanted.segments.tolist(),
            )
            assert agrees is same  # transformers is the judge of what this test expects
            if same:
                assert opened.encode_batch(texts).ids.tolist() == row["input_ids"]
                continue
            with pytest.raises(MalmoiError) as error:
                opened.encode_batch(texts)
            assert (error.value.code, error.value.where) == ("MM0215", str(folder / "tokenizer.json"))


@pytest.mark.parametrize("named", ["BertTokenizer", "ElectraTokenizerFast"])
def test_bert_s_own_class_frames_texts_whatever_the_file_says(
    small: WordPiece, tmp_path: Path, named: str
) -> None:
    folder = _peer(small, tmp_path, None, tokenizer_class=named)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert load_tokenizer(folder).encode_batch([ONE]).ids.tolist() == theirs(ONE)["input_ids"]
    assert load_tokenizer(folder).encode_batch([ONE]).ids[0] == 2


def test_pretraining_refuses_and_the_command_that_is_named_mends_it(small: WordPiece, tmp_path: Path) -> None:
    folder = _peer(small, tmp_path / "peer tokenizer", None)
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    with pytest.raises(MalmoiError, match="MM0215") as error:
        build_shards(ShardsConfig(), corpus, folder, tmp_path / "shards")
    assert "A:0 ≠ [CLS]:0 A:0 [SEP]:0" in error.value.what and not list(tmp_path.glob("shards*"))
    program, *words = shlex.split(error.value.do.partition(": ")[2])
    assert program == "python"
    subprocess.run([sys.executable, *words], check=True)
    build_shards(ShardsConfig(), corpus, folder, tmp_path / "shards")
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert load_tokenizer(folder).encode_batch([ONE]).ids.tolist() == theirs(ONE)["input_ids"]


def test_what_we_write_of_halves_that_say_nothing_frames_texts(tmp_path: Path) -> None:
    """A peer's vocab.json and merges.txt have no place for it; our folder's tokenizer.json has."""
    learned("bytebpe").save(tmp_path / "ours")
    (tmp_path / "peer").mkdir()
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / "peer" / name).write_bytes((tmp_path / "ours" / name).read_bytes())
    load_tokenizer(tmp_path / "peer").save(tmp_path / "saved")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert load_tokenizer(tmp_path / "saved").encode_batch([ONE]).ids.tolist() == theirs(ONE)["input_ids"]


def test_a_processor_the_library_does_not_know(small: WordPiece, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match=r"MM0203 .*post_processor"):
        load_tokenizer(_peer(small, tmp_path, {"type": "Nonsense"}))
