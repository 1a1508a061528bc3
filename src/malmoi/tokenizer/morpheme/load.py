"""Open a morpheme tokenizer's folder: its vocabulary, and the analyzer it was made with.

Another version of the analyzer may cut other morphemes, so it warns; a changed user dictionary is refused.
What Kiwi answers is kept in the user's cache (`analyzers.cache`).
"""

from __future__ import annotations

from pathlib import Path

from malmoi.analyzers import ANALYZERS, Analyzer, open_analyzer
from malmoi.analyzers.cache import remembering
from malmoi.analyzers.lazy import Lazy
from malmoi.analyzers.user_dictionary import UserWords
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.about import ABOUT, read_settings
from malmoi.tokenizer.kinds import USER_DICTIONARY
from malmoi.tokenizer.morpheme.model import FORMS, MorphemeWordPiece
from malmoi.tokenizer.wordpiece.engine import Choice
from malmoi.tokenizer.wordpiece.load import read_vocab


def open_morpheme(path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto") -> MorphemeWordPiece:
    """Open a folder that `MorphemeWordPiece.save` wrote, or the vocab.txt in it.

    Raises MM0240 (malmoi.json names no analyzer or form we know), MM0241 (the user dictionary is missing or
    another one), MM0203-MM0206 as for WordPiece. The analyzer is opened when a text is first encoded (or by
    `ready`); that raises those of `open_analyzer` (its library is missing) and warns MM0242 where it is
    another version than the one the tokenizer was made with.
    """
    folder = path if path.is_dir() else path.parent
    about = read_settings(folder / ABOUT)
    told = about.get("analyzer")
    told = told if isinstance(told, dict) else {}
    name, form = str(told.get("analyzer")), about.get("form")
    if name not in ANALYZERS or form not in FORMS:
        raise MalmoiError(Code.ANALYZER_NOT_RECORDED, folder / ABOUT, analyzer=name, form=form)
    entries = read_vocab(folder / "vocab.txt")
    missing = [token for token in SPECIAL_TOKENS if token not in entries]
    if missing:
        raise MalmoiError(Code.SPECIAL_TOKENS_MISSING, folder / "vocab.txt", missing=" ".join(missing))
    words = folder / USER_DICTIONARY if told.get("user_dictionary") else None
    if words is not None and not words.is_file():
        raise MalmoiError(Code.USER_DICTIONARY_CHANGED, words)
    if UserWords(words).digest != told.get("user_dictionary", ""):
        raise MalmoiError(Code.USER_DICTIONARY_CHANGED, words)

    def opener() -> Analyzer:
        analyzer = open_analyzer(name, words)
        found = analyzer.identity
        if changed := sorted(key for key in found if found[key] != told.get(key)):
            made = ", ".join(str(told.get(key)) for key in changed)
            reporter.warn(
                Code.OTHER_ANALYZER_VERSION,
                str(folder),
                made=made,
                found=", ".join(found[key] for key in changed),
            )
        return remembering(analyzer, reporter)

    return MorphemeWordPiece(
        entries,
        Lazy(told, opener),
        form=form,
        user_dictionary=words.read_bytes() if words is not None else None,
        learned=about.get("learned"),
        engine=engine,
    )
