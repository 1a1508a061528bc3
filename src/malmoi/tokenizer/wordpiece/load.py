"""Open a WordPiece: one of our folders, a model folder, or a peer's vocab.txt or tokenizer.json.

A peer's vocabulary keeps the casing it was made with; what is said nowhere is read off the vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library
from tokenizers import pre_tokenizers

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.about import ABOUT, read_about, read_settings
from malmoi.tokenizer.encoding.characters import LONGEST_WORD
from malmoi.tokenizer.encoding.user_words import added_words
from malmoi.tokenizer.wordpiece.engine import Choice
from malmoi.tokenizer.wordpiece.model import PREFIX, WordPiece, hanja_splitter

ADDED = "added_tokens.json"
# What settings must be for ids to be ours: in a tokenizer_config.json; in a tokenizer.json's model and
# normaliser.
IN_CONFIG = {"clean_text": True, "wordpieces_prefix": PREFIX}
IN_STATE = {
    "clean_text": True,
    "continuing_subword_prefix": PREFIX,
    "max_input_chars_per_word": LONGEST_WORD,
    "unk_token": "[UNK]",
}


def open_wordpiece(path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto") -> WordPiece:
    """Open a WordPiece tokenizer from a folder or a file.

    Raises MM0203 (another kind of file, or a setting that gives other ids), MM0204 (empty), MM0205 (an entry
    twice), MM0206 (special tokens missing); warns MM0208 (the vocabulary lower-cases and strips accents,
    which tears Hangul apart).
    """
    file = path
    if path.is_dir():
        file = next(path / name for name in ("vocab.txt", "tokenizer.json") if (path / name).exists())
    source = path / "tokenizer.json" if path.is_dir() else file
    state = read_settings(source) if source.suffix == ".json" else {}
    if file != source and _type(state.get("model")) != "WordPiece":
        state = {}  # of another tokenizer
    config = file.parent / "tokenizer_config.json"
    settings = read_settings(config)
    _check_settings({config: settings, source: state})
    entries = _entries(file, state) if file.suffix == ".json" else read_vocab(file)
    if state and file != source:  # transformers goes by the one or the other
        _check_same_entries(file, entries, source, state)
        settings = _settled(config, settings, source, state)
    missing = [token for token in SPECIAL_TOKENS if token not in entries]
    if missing:
        raise MalmoiError(Code.SPECIAL_TOKENS_MISSING, file, missing=" ".join(missing))
    if file.suffix == ".json":
        settings, config = _bert_settings(state), file
    lower_case, strip_accents = _casing(config, settings, entries)
    words, entries = _words(file, source, state, entries, lower_case)
    if strip_accents and any("가" <= entry[-1:] <= "힣" for entry in entries):
        reporter.warn(Code.STRIPS_ACCENTS, str(file))
    about = read_about(file.parent)
    return WordPiece(
        entries,
        lower_case=lower_case,
        strip_accents=strip_accents,
        split_hanja=_flag(config, settings, "tokenize_chinese_chars", True),
        learned=about.get("learned"),
        kind=about.get("kind", "wordpiece"),
        words=words,
        told={name: about[name] for name in ("analyzer", "inside") if name in about},
        engine=engine,
    )


def read_vocab(file: Path) -> list[str]:
    """The entries of a vocab.txt. Raises MM0203, MM0204, MM0205."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found="not UTF-8") from None
    # Only newlines end an entry: vocabularies hold U+2028 and U+0085, at which splitlines() would split.
    entries = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if not any(entries):
        raise MalmoiError(Code.VOCABULARY_EMPTY, file)
    if "\t" in entries[0]:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=".vocab (SentencePiece)")
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        if entry in seen:
            raise MalmoiError(Code.ENTRY_TWICE, f"{file}:{number}", entry=entry, first=seen[entry])
        seen[entry] = number
    return entries


def _entries(file: Path, state: dict[str, Any]) -> list[str]:
    """The entries of a tokenizer.json, its added tokens among them."""
    model = state.get("model")
    if not isinstance(model, dict) or "vocab" not in model:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found="JSON")
    splitter = {"type": "BertPreTokenizer"} if _splits_hanja(state) else state.get("pre_tokenizer")
    kinds = [_type(part) for part in (model, _normalizer(state), splitter)]
    if kinds != ["WordPiece", "BertNormalizer", "BertPreTokenizer"]:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=" + ".join(str(kind) for kind in kinds))
    vocab = model["vocab"]
    if not isinstance(vocab, dict) or not all(isinstance(index, int) for index in vocab.values()):
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found="vocab")
    if not vocab:
        raise MalmoiError(Code.VOCABULARY_EMPTY, file)
    if "[UNK]" not in vocab:  # also where it is an added token: the model would have none to give
        raise MalmoiError(Code.SPECIAL_TOKENS_MISSING, file, missing="[UNK]")
    added: dict[str, int] = {token["content"]: token["id"] for token in state.get("added_tokens", [])}
    if strange := [token for token, index in added.items() if vocab.get(token, index) != index]:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"added_tokens ≠ vocab: {strange[0]}")
    ids: dict[str, int] = vocab | added
    entries = sorted(ids, key=lambda entry: ids[entry])
    if [ids[entry] for entry in entries] != list(range(len(entries))):
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found="ids ≠ 0, 1, 2, …")
    return entries


def _check_same_entries(file: Path, entries: list[str], source: Path, state: dict[str, Any]) -> None:
    """Raise MM0203 where a vocab.txt and the tokenizer.json beside it are two vocabularies."""
    _entries(source, state)
    vocab: dict[str, int] = state["model"]["vocab"]
    added = {token["content"]: token["id"] for token in state.get("added_tokens", [])}
    ids = {entry: index for index, entry in enumerate(entries)}
    odd = [entry for entry, index in vocab.items() if ids.get(entry) != index]
    odd += [entry for entry, index in ids.items() if vocab.get(entry, added.get(entry)) != index]
    if odd:
        raise MalmoiError(Code.NOT_A_TOKENIZER, source, found=f"{source.name} ≠ {file.name}: {odd[0]}")


def _settled(config: Path, settings: dict[str, Any], source: Path, state: dict[str, Any]) -> dict[str, Any]:
    """The settings of a tokenizer.json. Raises MM0203 for one of which tokenizer_config.json says otherwise:
    transformers heeds the one or the other, by the class that opens them."""
    told = _bert_settings(state)
    lower_case = _flag(source, told, "do_lower_case", False)
    told["strip_accents"] = _flag(source, told, "strip_accents", lower_case)
    said = {name: settings[name] for name in told if settings.get(name) is not None}
    if "do_lower_case" in said:
        said.setdefault("strip_accents", said["do_lower_case"])
    for name, value in said.items():
        if _flag(config, said, name, False) != told[name]:
            found = f"{name}: {json.dumps(told[name])} ({source.name}) ≠ {json.dumps(value)} ({config.name})"
            raise MalmoiError(Code.NOT_A_TOKENIZER, source, found=found)
    return told


def _words(
    file: Path, source: Path, state: dict[str, Any], entries: list[str], lower_case: bool
) -> tuple[list[str], list[str]]:
    """The user words, from malmoi.json or a peer's added tokens, and the entries with those added behind."""
    if (file.parent / ABOUT).exists():
        ours: list[str] = read_about(file.parent).get("words", [])
        if set(ours) - set(entries):
            raise MalmoiError(Code.NOT_A_TOKENIZER, file.parent / ABOUT, found=f"words ≠ {file.name}")
        return ours, entries
    tokens = state.get("added_tokens", [])
    if not source.exists():  # older folders: a vocab.txt, and what was added to it beside it
        source = source.with_name(ADDED)
        listed = read_settings(source)
        if not all(isinstance(index, int) for index in listed.values()):
            raise MalmoiError(Code.NOT_A_TOKENIZER, source, found="JSON")
        tokens = [{"content": word, "id": index, "normalized": True} for word, index in listed.items()]
    words = added_words(tokens, source, lower_case)
    behind = sorted((index, word) for word, index in words.items() if index >= len(entries))
    entries = entries + [word for _, word in behind]
    if any(index >= len(entries) or entries[index] != word for word, index in words.items()):
        raise MalmoiError(Code.NOT_A_TOKENIZER, source, found="added_tokens ≠ vocab.txt")
    return list(words), entries


def _check_settings(read: Mapping[Path, dict[str, Any]]) -> None:
    """Raise MM0203 for a setting that would give other ids than ours, in a tokenizer.json or the config
    beside it, and for a tokenizer.json that the library does not open."""
    for file, state in read.items():
        found, wanted = [state], IN_CONFIG
        if _type(state.get("model")) == "WordPiece":
            _parse(file, state)
            found, wanted = [state["model"], _normalizer(state)], IN_STATE
        for settings in found:
            for name, value in wanted.items():
                if settings.get(name, value) != value:
                    raise MalmoiError(
                        Code.NOT_A_TOKENIZER, file, found=f"{name}: {json.dumps(settings[name])}"
                    )


def _parse(file: Path, state: dict[str, Any]) -> None:
    """Have the library look at the shape of a WordPiece's state, without what ids do not depend on, and
    without the vocabulary, which takes a hundred times as long as the rest."""
    ours = dict.fromkeys(("truncation", "padding", "post_processor", "decoder"))
    bare = state | ours | {"model": state["model"] | {"vocab": {}}}
    try:
        Library.from_str(json.dumps(bare))
    except Exception as error:  # the library raises Exception itself
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=str(error).splitlines()[0]) from None


def _type(part: object) -> object:
    return part.get("type") if isinstance(part, dict) else None


def _normalizer(state: dict[str, Any]) -> dict[str, Any]:
    """BERT's normaliser in a tokenizer.json; ours stands behind NFC, which is done before in any case."""
    found = state.get("normalizer")
    steps = found.get("normalizers") if isinstance(found, dict) else None
    if isinstance(steps, list) and len(steps) == 2 and steps[0] == {"type": "NFC"}:
        found = steps[1]
    return found if isinstance(found, dict) else {}


def _bert_settings(state: dict[str, Any]) -> dict[str, Any]:
    """The same under the names that tokenizer_config.json has for it."""
    found = _normalizer(state)
    return {
        "do_lower_case": found.get("lowercase", False),
        "strip_accents": found.get("strip_accents"),
        "tokenize_chinese_chars": found.get("handle_chinese_chars", True) or _splits_hanja(state),
    }


def _splits_hanja(state: dict[str, Any]) -> bool:
    """Whether hanja are split after the normaliser, as `WordPiece.save` has it beside words with hanja."""
    steps = [hanja_splitter(), pre_tokenizers.BertPreTokenizer()]
    ours: bool = state.get("pre_tokenizer") == json.loads(pre_tokenizers.Sequence(steps).__getstate__())
    return ours


def _casing(config: Path, settings: dict[str, Any], entries: list[str]) -> tuple[bool, bool]:
    """Whether a vocabulary lower-cases and strips accents: as its config says, else as it looks."""
    if "do_lower_case" in settings:
        lower_case = _flag(config, settings, "do_lower_case", False)
        return lower_case, _flag(config, settings, "strip_accents", lower_case)
    words = [entry for entry in entries if not entry.startswith("[")]
    latin = [entry for entry in words if entry.isascii() and entry.isalpha()]
    lower_case = len(latin) > 100 and all(entry == entry.lower() for entry in latin)
    # With Hangul syllables in it, the vocabulary cannot have been made from accent-stripped text.
    return lower_case, lower_case and not any("가" <= entry[-1:] <= "힣" for entry in words)


def _flag(config: Path, settings: dict[str, Any], name: str, default: bool) -> bool:
    """A yes or no; peers' files hold the string "False", which Python counts as true."""
    value = settings.get(name)
    if value is None:
        return default
    known = {"true": True, "false": False}.get(str(value).lower())
    if known is None:
        raise MalmoiError(Code.NOT_A_TOKENIZER, config, found=f"{name}: {json.dumps(value)}")
    return known
