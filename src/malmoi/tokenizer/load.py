"""Open a tokenizer of any kind: one of our folders, a model folder, or a peer's file.

Our folders say their kind in malmoi.json; a peer's is seen from its files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.kinds import imported
from malmoi.paths import as_stored
from malmoi.progress import SILENT, Reporter
from malmoi.tokenizer.about import ABOUT, NORMALIZED, check_seal, read_about, read_settings
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.kinds import KINDS, vocabularies
from malmoi.tokenizer.morpheme.remote import CLASS
from malmoi.tokenizer.names import NORMALIZE, refusals
from malmoi.tokenizer.sentencepiece.spm import model_file, read_model
from malmoi.tokenizer.wordpiece.engine import Choice


def load_tokenizer(
    path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto", encodes: bool = True
) -> Tokenizer:
    """Open a tokenizer from a folder or a file. Whoever only reads its entries says `encodes=False`: then no
    analyzer is needed, unless a text is encoded all the same.

    Raises MM0201 (no such path), MM0202 (a folder without tokenizer), MM0203 (a file of no kind we know, or a
    setting that gives other ids), MM0310 (a file changed since a stage wrote the folder), and those of the
    kind's own opener.
    """
    path = as_stored(Path(path))
    if not path.exists():
        raise MalmoiError(Code.TOKENIZER_MISSING, path)
    if path.is_dir() and not any((path / name).exists() for name in vocabularies()) and not model_file(path):
        raise MalmoiError(Code.NO_TOKENIZER_IN_FOLDER, path)
    if path.is_dir():
        check_seal(path)
    kind = kind_of(path)
    if kind not in KINDS:
        named = path.is_dir() and (path / ABOUT).exists()
        raise MalmoiError(Code.NOT_A_TOKENIZER, path / ABOUT if named else path, found=kind)
    tokenizer: Tokenizer = imported(KINDS[kind].opens)(path, reporter=reporter, engine=engine)
    tokenizer.one_spelling = _normalized(path) == NORMALIZED[True]
    tokenizer.refusals = _refusals(path, tokenizer)
    if encodes:
        tokenizer.load()
    return tokenizer


def _refusals(path: Path, tokenizer: Tokenizer) -> tuple[MalmoiError | None, MalmoiError | None]:
    """`Tokenizer.refusals`: of a peer's tokenizer.json, unless transformers opens it with BERT's or ELECTRA's
    own class, which frames texts as BERT does whatever the file says."""
    file = path / "tokenizer.json" if path.is_dir() else path
    if file.suffix != ".json" or file.name == "vocab.json" or not file.exists() or _about_of(path):
        return None, None
    if path.is_dir():
        named = read_settings(path / "tokenizer_config.json").get("tokenizer_class")
        if named is None:
            named = str(read_settings(path / "config.json").get("model_type")).capitalize()
        if any(name in str(named) for name in ("Bert", "Electra")):
            return None, None
    return refusals(
        file, read_settings(file), tokenizer.tokens(range(tokenizer.vocab_size)), tokenizer.special
    )


def kind_of(path: Path) -> str:
    """The kind that malmoi.json says (of a vocab.txt beside it too), else what the files look like."""
    named = path.is_dir() or path.name == "vocab.txt"
    if kind := _about_of(path).get("kind"):
        return str(kind)
    folder = path if path.is_dir() else path.parent
    if named and read_settings(folder / "tokenizer_config.json").get("tokenizer_class") == CLASS:
        return "morpheme"  # whose malmoi.json is gone: its vocab.txt alone would open as another tokenizer
    model = model_file(path) if path.is_dir() else path
    if model is not None and model.suffix == ".model":
        return read_model(model).kind
    file = path
    if path.is_dir():
        file = next(path / name for name in vocabularies() if (path / name).exists())
    if file.name == "vocab.json":
        return "bytebpe"
    return _kind_of_json(read_settings(file)) if file.suffix == ".json" else "wordpiece"


def _about_of(path: Path) -> dict[str, Any]:
    """What malmoi.json says of a folder, or of the vocab.txt beside it."""
    if path.is_dir():
        return read_about(path)
    return read_about(path.parent) if path.name == "vocab.txt" else {}


def _normalized(path: Path) -> object:
    """How text is normalised: as malmoi.json says, or where transformers wrote the folder, its config."""
    if path.is_dir() and not (path / ABOUT).exists():
        return read_settings(path / "tokenizer_config.json").get(NORMALIZE)
    return _about_of(path).get("normalize")


def _kind_of_json(state: dict[str, Any]) -> str:
    """What a tokenizer.json looks like."""
    model, splitter = (
        part if isinstance(part := state.get(name), dict) else {} for name in ("model", "pre_tokenizer")
    )
    if is_byte_level(state):
        return "bytebpe"
    if model.get("type") == "BPE" and splitter.get("type") == "Metaspace":
        return "bpe"
    return "unigram" if model.get("type") == "Unigram" else "wordpiece"


def is_byte_level(state: dict[str, Any]) -> bool:
    """Whether a tokenizer.json is a byte-level BPE's."""
    model, splitter = state.get("model"), state.get("pre_tokenizer")
    if not isinstance(model, dict) or not isinstance(splitter, dict) or model.get("type") != "BPE":
        return False
    steps = splitter.get("pretokenizers", [splitter])
    return isinstance(steps, list) and any(
        isinstance(step, dict) and step.get("type") == "ByteLevel" for step in steps
    )
