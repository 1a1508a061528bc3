"""Files that are JSON but not of the shape they should be: each opens rightly, or says which file it is."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers, processors

from malmoi.errors import MalmoiError
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.bytebpe.load import open_bytebpe
from malmoi.tokenizer.bytebpe.model import ByteBPE
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tokenizer.test_words_pieces import pieces

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
GONE = object()
TEXT = "가나 나라가 (말모이를) x"
Path_ = tuple[str | int, ...]


def _wordpiece(folder: Path) -> None:
    WordPiece([*SPECIALS, "가", "##나", "나라", "##가", "말모이"], words=["말모이"]).save(folder)


def _bytes(folder: Path) -> None:
    """A peer's: with merges, and a word of its own."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {entry: index for index, entry in enumerate([*SPECIALS, *letters, "ê°", "ê°Ģ", "말모이"])}
    library = Library(models.BPE(vocab, [("ê", "°"), ("ê°", "Ģ")]))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.post_processor = processors.ByteLevel()
    library.add_special_tokens(SPECIALS)
    library.add_tokens(["말모이"])
    folder.mkdir(exist_ok=True)
    library.save(str(folder / "tokenizer.json"))


def _ours(folder: Path) -> None:
    pieces("bytebpe").save(folder)


def _sentencepiece(folder: Path) -> None:
    pieces("unigram").save(folder)


def _halves(folder: Path) -> None:
    _bytes(folder)
    Library.from_file(str(folder / "tokenizer.json")).model.save(str(folder))
    (folder / "tokenizer.json").unlink()


def _listed(folder: Path) -> None:
    _wordpiece(folder)
    for name in ("malmoi.json", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    (folder / "added_tokens.json").write_text('{"말모이": 9}', "utf-8")


# What makes a folder, what is taken out of it, and the file that is spoilt.
CASES: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "WordPiece": (_wordpiece, ["vocab.txt", "malmoi.json"], "tokenizer.json"),
    "beside vocab.txt": (_wordpiece, ["malmoi.json"], "tokenizer.json"),
    "its config": (_wordpiece, ["malmoi.json", "tokenizer.json"], "tokenizer_config.json"),
    "our WordPiece's": (_wordpiece, [], "malmoi.json"),
    "added before": (_listed, [], "added_tokens.json"),
    "bytes": (_bytes, [], "tokenizer.json"),
    "two halves": (_halves, [], "vocab.json"),
    "our bytes'": (_ours, [], "malmoi.json"),
    "our pieces'": (_sentencepiece, [], "malmoi.json"),
}


def _nodes(part: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The way to each part; of many alike only to the first and the last ones."""
    yield path
    inside = (
        list(part.items())
        if isinstance(part, dict)
        else list(enumerate(part))
        if isinstance(part, list)
        else []
    )
    few = inside if len(inside) <= 12 else inside[:3] + inside[-3:]
    for name, value in few:
        yield from _nodes(value, (*path, name))


def _spoilt(state: Any, path: Path_, value: object) -> Any:
    if not path:
        return {} if value is GONE else value
    spoilt = part = copy.deepcopy(state)
    for name in path[:-1]:
        part = part[name]
    if value is GONE:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return spoilt


def _reference(state: dict[str, Any]) -> list[int]:
    """What the library makes of it, but for what is put around a text or done with tokens."""
    unused = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
    library = Library.from_str(json.dumps(state | unused))
    library.encode_special_tokens = True
    return library.encode(TEXT, add_special_tokens=False).ids


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:MM0208")
def test_each_part_replaced_by_something_else(case: str, tmp_path: Path) -> None:
    make, gone, name = CASES[case]
    make(tmp_path)
    for other in gone:
        (tmp_path / other).unlink()
    file = tmp_path / name
    state = json.loads(file.read_text("utf-8"))
    before = load_tokenizer(tmp_path).encode_batch([TEXT], specials=False).ids.tolist()
    opened = refused = 0
    for path in _nodes(state):
        for value in (None, 0, "x", [], {}, GONE):
            spoilt = _spoilt(state, path, value)
            file.write_text(json.dumps(spoilt), "utf-8")
            try:
                tokenizer = load_tokenizer(tmp_path)
            except MalmoiError as error:
                named = [str(file), str(file.with_name("merges.txt"))]
                assert error.where in named[: 2 if case == "two halves" else 1], (path, value)
                refused += 1
                continue
            opened += 1
            found = tokenizer.encode_batch([TEXT], specials=False).ids.tolist()
            if name == "tokenizer.json" and isinstance(spoilt, dict) and case != "beside vocab.txt":
                assert found == _reference(spoilt), (path, value)
            elif name == "malmoi.json" and value is not GONE and path and path[0] != "words":
                assert found == before, (path, value)
    assert refused and opened


@pytest.mark.parametrize(
    ("merge", "detail"),
    [
        (["ê", "x"], "ê x: êx ∄"),  # the library panics
        (["ê", "없는"], "ê 없는: 없는 ∄"),
        (["ê"], '["ê"]'),
        ("ê ° Ģ", '"ê ° Ģ"'),
    ],
)
def test_merges_that_do_not_fit_their_vocabulary(merge: object, detail: str, tmp_path: Path) -> None:
    _bytes(tmp_path)
    file = tmp_path / "tokenizer.json"
    state = json.loads(file.read_text("utf-8"))
    state["model"]["merges"].append(merge)
    file.write_text(json.dumps(state), "utf-8")
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(tmp_path)
    assert (error.value.code, error.value.where, error.value.values["detail"]) == (
        "MM0233",
        str(file),
        detail,
    )


def test_merges_in_the_older_form(tmp_path: Path) -> None:
    _bytes(tmp_path)
    before = load_tokenizer(tmp_path)
    file = tmp_path / "tokenizer.json"
    state = json.loads(file.read_text("utf-8"))
    state["model"]["merges"] = [" ".join(pair) for pair in state["model"]["merges"]]
    file.write_text(json.dumps(state), "utf-8")
    again: Tokenizer = open_bytebpe(file)
    assert isinstance(again, ByteBPE)
    rows = (opened.encode_batch([TEXT], specials=False) for opened in (again, before))
    assert len({str(row.ids.tolist()) for row in rows}) == 1
