"""Peers' files open as they are; what is no tokenizer says so."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import SENTENCES

SPECIALS = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"


def _fails(path: Path) -> MalmoiError:
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(path)
    return error.value


def test_koelectra(shared_data: Path) -> None:
    tokenizer = load_tokenizer(shared_data / "tokenizers/koelectra_32200/vocab.txt")
    assert (tokenizer.vocab_size, tokenizer.kind, tokenizer.special.mask) == (32_200, "wordpiece", 4)
    assert not tokenizer.lower_case
    ids = tokenizer.encode_batch(["한국어 모델을 공유합니다."]).ids
    assert tokenizer.tokens(ids) == ["[CLS]", "한국어", "모델을", "공유", "##합니다", ".", "[SEP]"]


def test_english_uncased_is_seen_from_its_entries(shared_data: Path) -> None:
    tokenizer = load_tokenizer(shared_data / "tokenizers/bert_base_uncased_en/vocab.txt")
    assert (tokenizer.vocab_size, tokenizer.special.cls) == (30_522, 101)
    assert (tokenizer.lower_case, tokenizer.strip_accents) == (True, True)


def test_tokenizer_json_gives_the_same_as_vocab_txt(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path / "all")
    alone = tmp_path / "tokenizer.json"
    alone.write_bytes((tmp_path / "all" / "tokenizer.json").read_bytes())
    for path in (alone, tmp_path / "all", tmp_path / "all" / "vocab.txt"):
        opened = load_tokenizer(path)
        assert opened.encode_batch(SENTENCES).ids.tolist() == small.encode_batch(SENTENCES).ids.tolist()


def test_files_written_before_they_composed_texts_are_the_same_tokenizer(
    small: WordPiece, tmp_path: Path
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    for folder in (new, old):
        WordPiece([*small.entries, "말모이"], words=["말모이"]).save(folder)
    state = json.loads((old / "tokenizer.json").read_text("utf-8"))
    state["normalizer"] = state["normalizer"]["normalizers"][1]
    state["added_tokens"][-1]["normalized"] = False
    (old / "tokenizer.json").write_text(json.dumps(state), "utf-8")
    config = json.loads((old / "tokenizer_config.json").read_text("utf-8"))
    del config["model_input_names"]
    (old / "tokenizer_config.json").write_text(json.dumps(config | {"tokenizer_class": "BertTokenizer"}))
    assert tokenizer_digest(old) == tokenizer_digest(new)
    texts = [*SENTENCES, "새말모이를", unicodedata.normalize("NFD", "새말모이를")]
    for name in (".", "tokenizer.json"):
        ours, before = (load_tokenizer(folder / name).encode_batch(texts) for folder in (new, old))
        assert ours.ids.tolist() == before.ids.tolist()
        assert ours.spans.tolist() == before.spans.tolist()


def test_windows_files_open(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\xef\xbb\xbf" + (SPECIALS + "가\n##나\n").replace("\n", "\r\n").encode())
    tokenizer = load_tokenizer(path)
    assert tokenizer.tokens(tokenizer.encode_batch(["가나"], specials=False).ids) == ["가", "##나"]


def test_the_string_false_is_false(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(SPECIALS + "가\nA\n", "utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": "False"}', "utf-8")
    assert not load_tokenizer(tmp_path).lower_case


def test_a_lower_casing_korean_vocabulary_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(SPECIALS + "가\n##나\n", "utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": true}', "utf-8")
    with pytest.warns(UserWarning, match="MM0208.*lower-cases and strips accents"):
        tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.encode_batch(["가나"], specials=False).ids.tolist() == [tokenizer.special.unk]


def test_what_is_missing(tmp_path: Path) -> None:
    assert _fails(tmp_path / "nowhere").code == "MM0201"
    assert _fails(tmp_path).code == "MM0202"
    assert _fails(tmp_path).do.endswith("malmoi tokenizer train CORPUS --out TOKENIZER")


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n")
    assert _fails(tmp_path / "vocab.txt").code == "MM0204"


def test_no_special_tokens(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("[UNK]\n가\n나\n", "utf-8")
    error = _fails(tmp_path / "vocab.txt")
    assert error.what == "the vocabulary lacks special tokens: [PAD] [CLS] [SEP] [MASK]"


def test_an_entry_twice_names_both_lines(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(SPECIALS + "가\n나\n가\n", "utf-8")
    error = _fails(tmp_path / "vocab.txt")
    assert str(error).startswith(
        f"MM0205 {tmp_path}/vocab.txt:8: the vocabulary has '가' twice (first on line 6)"
    )


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("spm.bin", b"\n\x0e\n\x05<unk>\x15\x00\x00\xff\xfe", "not UTF-8"),
        ("spm.vocab", "<unk>\t0\n▁가\t-3.2\n".encode(), ".vocab (SentencePiece)"),
        ("config.json", b'{"model_type": "bert"}', "JSON"),
        ("broken.json", b'{"model": ', "≠ JSON (line 1, column 11: Expecting value)"),
        ("bpe.json", b'{"model": {"type": "BPE", "vocab": {"a": 0}}}', "BPE + None + None"),
    ],
)
def test_another_kind_of_file(tmp_path: Path, name: str, content: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(content)
    error = _fails(tmp_path / name)
    assert (error.code, error.values["found"]) == ("MM0203", found)


def test_json_with_a_gap_in_its_ids(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    state["model"]["vocab"][small.entries[-1]] += 7
    (tmp_path / "vocab.txt").unlink()
    (tmp_path / "tokenizer.json").write_text(json.dumps(state), "utf-8")
    assert _fails(tmp_path).values["found"] == "ids ≠ 0, 1, 2, …"


def test_hanja_stay_in_their_word_where_a_peer_says_so(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(SPECIALS + "菜\n##田\n田\n##菜\n텃\n", "utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenize_chinese_chars": false}', "utf-8")
    opened = load_tokenizer(tmp_path)
    opened.save(tmp_path / "ours")
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/tokenizer.json").write_bytes((tmp_path / "ours/tokenizer.json").read_bytes())
    for tokenizer in (opened, load_tokenizer(tmp_path / "ours"), load_tokenizer(tmp_path / "alone")):
        encoded = tokenizer.encode_batch(["菜田 텃"], specials=False)
        assert tokenizer.tokens(encoded.ids) == ["菜", "##田", "텃"]
        assert encoded.spans.tolist() == [[0, 1], [1, 2], [3, 4]]
    (tmp_path / "tokenizer_config.json").unlink()
    load_tokenizer(tmp_path).save(tmp_path / "split")
    ids = load_tokenizer(tmp_path / "split").encode_batch(["菜田"], specials=False).ids
    assert opened.tokens(ids) == ["菜", "田"]
    assert tokenizer_digest(tmp_path / "split") != tokenizer_digest(tmp_path / "ours")


@pytest.mark.parametrize("with_vocab", [True, False])
@pytest.mark.parametrize(
    ("section", "name", "value", "found"),
    [
        ("normalizer", "clean_text", False, "clean_text: false"),
        ("model", "continuing_subword_prefix", "@@", 'continuing_subword_prefix: "@@"'),
        ("model", "max_input_chars_per_word", 200, "max_input_chars_per_word: 200"),
        ("model", "unk_token", "[PAD]", 'unk_token: "[PAD]"'),
    ],
)
def test_settings_that_give_other_ids_are_refused_by_name(
    small: WordPiece, tmp_path: Path, with_vocab: bool, section: str, name: str, value: object, found: str
) -> None:
    small.save(tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    part = state[section]
    (part["normalizers"][1] if section == "normalizer" else part)[name] = value
    (tmp_path / "tokenizer.json").write_text(json.dumps(state), "utf-8")
    if not with_vocab:
        (tmp_path / "vocab.txt").unlink()
    error = _fails(tmp_path)
    assert (error.code, error.values["found"], error.where) == (
        "MM0203",
        found,
        str(tmp_path / "tokenizer.json"),
    )


def test_special_tokens_a_config_describes_at_length_are_fine(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(SPECIALS + "가\n", "utf-8")
    unk = {"__type": "AddedToken", "content": "[UNK]", "lstrip": False, "normalized": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"unk_token": unk}), "utf-8")
    assert load_tokenizer(tmp_path).vocab_size == 6


def test_a_setting_in_the_config_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(SPECIALS + "가\n", "utf-8")
    (tmp_path / "tokenizer_config.json").write_text('{"wordpieces_prefix": "@@"}', "utf-8")
    for path in (tmp_path, tmp_path / "vocab.txt"):
        assert _fails(path).values["found"] == 'wordpieces_prefix: "@@"'


# ---- vocab.txt, tokenizer.json and tokenizer_config.json beside each other

BERT = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": False,
}


def _peer(small: WordPiece, folder: Path, config: dict[str, object], **state: object) -> Path:
    """A folder as others publish it, with `state` in its tokenizer.json."""
    small.save(folder)
    (folder / "malmoi.json").unlink()
    found = json.loads((folder / "tokenizer.json").read_text("utf-8")) | {"normalizer": BERT} | state
    (folder / "tokenizer.json").write_text(json.dumps(found, ensure_ascii=False), "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("config", "state", "found"),
    [
        ({}, {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, BERT]}}, "Sequence"),
        ({}, {"pre_tokenizer": {"type": "WhitespaceSplit"}}, "WhitespaceSplit"),
        (
            {"do_lower_case": False},
            {"normalizer": BERT | {"lowercase": True}},
            "do_lower_case: true (tokenizer.json) ≠ false (tokenizer_config.json)",
        ),
        ({"do_lower_case": True}, {}, "do_lower_case: false (tokenizer.json) ≠ true (tokenizer_config.json)"),
        (
            {"do_lower_case": "False", "strip_accents": True},
            {},
            "strip_accents: false (tokenizer.json) ≠ true (tokenizer_config.json)",
        ),
        (
            {"tokenize_chinese_chars": False},
            {},
            "tokenize_chinese_chars: true (tokenizer.json) ≠ false (tokenizer_config.json)",
        ),
    ],
)
def test_files_that_contradict_each_other_are_refused(
    small: WordPiece, tmp_path: Path, config: dict[str, object], state: dict[str, object], found: str
) -> None:
    """AutoTokenizer goes by one of them, and which one depends on the class it opens."""
    error = _fails(_peer(small, tmp_path, config, **state))
    assert error.code == "MM0203" and found in error.values["found"]


def test_another_vocabulary_beside_vocab_txt(small: WordPiece, tmp_path: Path) -> None:
    folder = _peer(small, tmp_path, {})
    lines = (folder / "vocab.txt").read_text("utf-8").split("\n")
    lines[20], lines[21] = lines[21], lines[20]
    (folder / "vocab.txt").write_text("\n".join(lines), "utf-8")
    assert _fails(folder).values["found"] == f"tokenizer.json ≠ vocab.txt: {lines[21]}"
    (folder / "vocab.txt").write_text("\n".join([*small.entries, "뷁"]) + "\n", "utf-8")
    assert _fails(folder).values["found"] == "tokenizer.json ≠ vocab.txt: 뷁"


@pytest.mark.parametrize(
    ("config", "lower", "strip"),
    [
        ({"do_lower_case": False}, False, None),
        ({"do_lower_case": "False", "strip_accents": None, "tokenize_chinese_chars": True}, False, None),
        ({"do_lower_case": False, "strip_accents": False}, False, False),
        ({"do_lower_case": True}, True, None),
        ({"do_lower_case": True, "strip_accents": False}, True, False),
        ({"model_max_length": 512}, True, None),
    ],
)
@pytest.mark.filterwarnings("ignore:MM0208")
def test_files_that_agree_open(
    small: WordPiece, tmp_path: Path, config: dict[str, object], lower: bool, strip: bool | None
) -> None:
    normalizer = BERT | {"lowercase": lower, "strip_accents": strip}
    opened = load_tokenizer(_peer(small, tmp_path, config, normalizer=normalizer))
    assert isinstance(opened, WordPiece)
    assert (opened.lower_case, opened.strip_accents) == (lower, lower if strip is None else strip)


@pytest.mark.parametrize(("name", "lower"), [("koelectra_32200", False), ("bert_base_uncased_en", True)])
def test_published_vocabularies_as_transformers_writes_them(
    shared_data: Path, tmp_path: Path, name: str, lower: bool
) -> None:
    transformers = pytest.importorskip("transformers")
    vocab = shared_data / "tokenizers" / name / "vocab.txt"
    theirs = transformers.BertTokenizer(str(vocab), do_lower_case=lower)
    theirs.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_bytes(vocab.read_bytes())
    opened = load_tokenizer(tmp_path)
    texts = ["한국어 모델을 공유합니다.", "A Café in Zürich, 菜田"]
    found = opened.encode_batch(texts)
    assert [found.ids[found.row(i)].tolist() for i in range(2)] == theirs(texts)["input_ids"]
