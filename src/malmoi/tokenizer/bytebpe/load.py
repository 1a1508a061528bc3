"""Open a byte-level BPE: one of our folders, a peer's tokenizer.json, or vocab.json with merges.txt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.tokenizer.about import ABOUT, read_about, read_settings
from malmoi.tokenizer.bytebpe.model import ByteBPE, make_library
from malmoi.tokenizer.names import find_special
from malmoi.tokenizer.wordpiece.engine import Choice


def open_bytebpe(path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto") -> ByteBPE:
    """Open a byte-level BPE from a folder or a file. A peer's keeps white space as it was made to.

    Raises MM0203 (another kind, or ids with gaps), MM0204 (empty), MM0206 (special tokens missing), MM0233
    (merges and entries contradict each other).
    """
    folder = path if path.is_dir() else path.parent
    about = read_about(folder)
    file = path
    if path.is_dir():
        file = next(path / name for name in ("tokenizer.json", "vocab.json") if (path / name).exists())
    if about.get("spaces") == "one":  # ours: from what is sealed, which other tools do not rewrite
        file = folder / "vocab.json"
    if not file.exists() or not file.stat().st_size:
        raise MalmoiError(Code.VOCABULARY_EMPTY, file)
    library = _from_halves(file) if file.name == "vocab.json" else _from_json(file)
    ids, words = library.get_vocab(), about.get("words", ())
    one_space = about.get("spaces") == "one"
    if not about and file.suffix == ".json" and library.normalizer is not None:
        one_space, words = _written_again(library, file)
    if strange := [word for word in words if word not in ids]:
        raise MalmoiError(Code.NOT_A_TOKENIZER, folder / ABOUT, found=f"words: {strange[0]}")
    if one_space:
        library = _as_ours(library, file, words)
        ids = library.get_vocab()
    entries = sorted(ids, key=lambda entry: ids[entry])
    if [ids[entry] for entry in entries] != list(range(len(entries))):
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found="ids ≠ 0, 1, 2, …")
    return ByteBPE(
        library,
        find_special(entries, file),
        learned=about.get("learned"),
        words=words,
        one_space=one_space,
        engine=engine,
    )


def _written_again(library: Library, file: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether this is one of ours, which transformers has written without malmoi.json, and its user words."""
    state = json.loads(library.to_str())
    words = tuple(token["content"] for token in state["added_tokens"] if not token["special"])
    if not set(words) <= state["model"]["vocab"].keys():
        return False, ()
    made = json.loads(_as_ours(library, file, words).to_str())
    parts = ("added_tokens", "normalizer", "pre_tokenizer")
    return (True, words) if all(made[part] == state[part] for part in parts) else (False, ())


def _as_ours(plain: Library, file: Path, words: Sequence[str]) -> Library:
    """The library as `ByteBPE.save` had it."""
    model = json.loads(plain.to_str())["model"]
    vocab: dict[str, int] = model["vocab"]
    entries = sorted(vocab, key=lambda entry: vocab[entry])
    merges = [(first, second) for first, second in model["merges"]]
    return make_library(vocab, merges, entries, find_special(entries, file), words)


def _from_json(file: Path) -> Library:
    state = read_settings(file)
    _check_model(file, state["model"])
    # The post-processor and cutting are ours (encoding.windows).
    state |= {"truncation": None, "padding": None}
    try:
        return Library.from_str(json.dumps(state))
    except Exception as error:  # the library raises Exception itself
        raise MalmoiError(Code.MERGES_DO_NOT_FIT, file, detail=str(error).splitlines()[0]) from None


def _from_halves(file: Path) -> Library:
    """vocab.json and merges.txt as GPT-2 and RoBERTa have them, without a space before the text."""
    vocab = read_settings(file)
    merges = file.parent / "merges.txt"
    if not merges.exists():
        raise MalmoiError(Code.MERGES_DO_NOT_FIT, merges, detail="merges.txt ∄")
    try:
        lines = merges.read_text("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as error:
        raise MalmoiError(Code.MERGES_DO_NOT_FIT, merges, detail=str(error)) from None
    pairs = [line.removesuffix("\r") for line in lines if line and not line.startswith("#version")]
    _check_model(file, {"vocab": vocab, "merges": pairs}, merges)
    library = Library(models.BPE(vocab, [(pair.split(" ")[0], pair.split(" ")[1]) for pair in pairs]))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return library


def _check_model(file: Path, model: dict[str, Any], merges: Path | None = None) -> None:
    """Raise MM0203 and MM0233 for what ends in a panic of the library (0.23), or in the end of the process: a
    merge into what is no entry, a prefix that merges are cut by."""
    vocab, pairs = model.get("vocab"), model.get("merges")
    if (
        not vocab
        or not isinstance(vocab, dict)
        or not all(isinstance(index, int) for index in vocab.values())
    ):
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found="vocab")
    if prefix := model.get("continuing_subword_prefix"):
        raise MalmoiError(
            Code.NOT_A_TOKENIZER, file, found=f"continuing_subword_prefix: {json.dumps(prefix)}"
        )
    if not isinstance(pairs, list):
        raise MalmoiError(Code.MERGES_DO_NOT_FIT, merges or file, detail="merges")
    for pair in pairs:
        parts = pair.split(" ") if isinstance(pair, str) else pair
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise MalmoiError(
                Code.MERGES_DO_NOT_FIT, merges or file, detail=json.dumps(pair, ensure_ascii=False)
            )
        if strange := [part for part in (*parts, "".join(parts)) if part not in vocab]:
            raise MalmoiError(
                Code.MERGES_DO_NOT_FIT, merges or file, detail=f"{' '.join(parts)}: {strange[0]} ∄"
            )
