"""Open a WordPiece: one of our folders, a model folder, or a peer's vocab.txt or tokenizer.json.

A peer's vocabulary keeps the casing it was made with; what is said nowhere is read off the vocabulary.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.about import ABOUT, read_settings
from malmoi.tokenizer.engine import Choice
from malmoi.tokenizer.wordpiece import MAX_WORD, PREFIX, WordPiece
from malmoi.tokenizer.words import added_words

ADDED = "added_tokens.json"


def open_wordpiece(path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto") -> WordPiece:
    """Open a WordPiece tokenizer from a folder or a file.

    Raises MM0203 (another kind of file, or a setting that gives other ids), MM0204 (empty), MM0205 (an entry
    twice), MM0206 (special tokens missing); warns MM0208 (the vocabulary lower-cases and strips accents,
    which tears Hangul apart).
    """
    file = path
    if path.is_dir():
        file = next(path / name for name in ("vocab.txt", "tokenizer.json") if (path / name).exists())
    _check_settings(path / "tokenizer.json" if path.is_dir() else file)
    entries, casing = _read_json(file) if file.suffix == ".json" else (read_vocab(file), None)
    missing = [token for token in SPECIAL_TOKENS if token not in entries]
    if missing:
        raise MalmoiError("MM0206", file, missing=" ".join(missing))
    lower_case, strip_accents = casing or _casing(file.parent, entries)
    words, entries = _words(path, file, entries, lower_case)
    if strip_accents and any("가" <= entry[-1:] <= "힣" for entry in entries):
        reporter.warn("MM0208", str(file))
    about = read_settings(file.parent / ABOUT)
    return WordPiece(
        entries,
        lower_case=lower_case,
        strip_accents=strip_accents,
        split_hanja=_split_hanja(file),
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
        raise MalmoiError("MM0203", file, found="not UTF-8") from None
    # Only newlines end an entry: vocabularies hold U+2028 and U+0085, at which splitlines() would split.
    entries = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if not any(entries):
        raise MalmoiError("MM0204", file)
    if "\t" in entries[0]:
        raise MalmoiError("MM0203", file, found=".vocab (SentencePiece)")
    seen: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        if entry in seen:
            raise MalmoiError("MM0205", f"{file}:{number}", entry=entry, first=seen[entry])
        seen[entry] = number
    return entries


def _read_json(file: Path) -> tuple[list[str], tuple[bool, bool]]:
    state = read_settings(file)
    model = state.get("model")
    if not isinstance(model, dict) or "vocab" not in model:
        raise MalmoiError("MM0203", file, found="JSON")
    normalizer = state.get("normalizer") or {}
    kinds = (model.get("type"), normalizer.get("type"), (state.get("pre_tokenizer") or {}).get("type"))
    if kinds != ("WordPiece", "BertNormalizer", "BertPreTokenizer"):
        raise MalmoiError("MM0203", file, found=" + ".join(str(kind) for kind in kinds))
    ids: dict[str, int] = dict(model["vocab"])
    ids |= {token["content"]: token["id"] for token in state.get("added_tokens", [])}
    entries = sorted(ids, key=lambda entry: ids[entry])
    if [ids[entry] for entry in entries] != list(range(len(entries))):
        raise MalmoiError("MM0203", file, found="ids ≠ 0, 1, 2, …")
    lower_case = bool(normalizer.get("lowercase"))
    strip = normalizer.get("strip_accents")
    return entries, (lower_case, lower_case if strip is None else bool(strip))


def _words(path: Path, file: Path, entries: list[str], lower_case: bool) -> tuple[list[str], list[str]]:
    """The user words, from malmoi.json or a peer's added tokens, and the entries with those added behind."""
    if (file.parent / ABOUT).exists():
        ours: list[str] = read_settings(file.parent / ABOUT).get("words") or []
        if set(ours) - set(entries):
            raise MalmoiError("MM0203", file.parent / ABOUT, found=f"words ≠ {file.name}")
        return ours, entries
    source = path / "tokenizer.json" if path.is_dir() else file
    tokens = (read_settings(source) if source.suffix == ".json" else {}).get("added_tokens") or []
    if not source.exists():  # older folders: a vocab.txt, and what was added to it beside it
        source = path / ADDED
        tokens = [{"content": word, "id": index} for word, index in read_settings(source).items()]
        tokens = [token | {"normalized": True} for token in tokens]
    words = added_words(tokens, source, lower_case)
    behind = sorted((index, word) for word, index in words.items() if index >= len(entries))
    entries = entries + [word for _, word in behind]
    if any(index >= len(entries) or entries[index] != word for word, index in words.items()):
        raise MalmoiError("MM0203", source, found="added_tokens ≠ vocab.txt")
    return list(words), entries


def _check_settings(file: Path) -> None:
    """Raise MM0203 for a setting that would give other ids than ours, in a tokenizer.json or the config
    beside it."""
    config = file.parent / "tokenizer_config.json"
    found = [(config, read_settings(config), {"clean_text": True, "wordpieces_prefix": PREFIX})]
    state = read_settings(file) if file.suffix == ".json" else {}
    model = state.get("model")
    if isinstance(model, dict) and model.get("type") == "WordPiece":
        wanted = {"continuing_subword_prefix": PREFIX, "max_input_chars_per_word": MAX_WORD}
        found += [(file, model, wanted), (file, state.get("normalizer") or {}, {"clean_text": True})]
    for where, settings, wanted in found:
        for name, value in wanted.items():
            if settings.get(name, value) != value:
                raise MalmoiError("MM0203", where, found=f"{name}: {json.dumps(settings[name])}")


def _split_hanja(file: Path) -> bool:
    """Whether each hanja is a word of its own; where nothing is said, as in BERT."""
    if file.suffix == ".json":
        return bool((read_settings(file).get("normalizer") or {}).get("handle_chinese_chars", True))
    return _truth(read_settings(file.parent / "tokenizer_config.json").get("tokenize_chinese_chars", True))


def _casing(folder: Path, entries: list[str]) -> tuple[bool, bool]:
    """Whether a vocabulary lower-cases and strips accents: as its config says, else as it looks."""
    settings = read_settings(folder / "tokenizer_config.json")
    if "do_lower_case" in settings:
        lower_case = _truth(settings["do_lower_case"])
        strip = settings.get("strip_accents")
        return lower_case, lower_case if strip is None else _truth(strip)
    words = [entry for entry in entries if not entry.startswith("[")]
    latin = [entry for entry in words if entry.isascii() and entry.isalpha()]
    lower_case = len(latin) > 100 and all(entry == entry.lower() for entry in latin)
    # With Hangul syllables in it, the vocabulary cannot have been made from accent-stripped text.
    return lower_case, lower_case and not any("가" <= entry[-1:] <= "힣" for entry in words)


def _truth(value: Any) -> bool:
    """Peers' files hold the string "False", which Python counts as true."""
    return value.lower() == "true" if isinstance(value, str) else bool(value)
