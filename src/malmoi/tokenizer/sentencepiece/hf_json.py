"""A SentencePiece model as a tokenizer of the `tokenizers` library, for transformers, and back: the same ids.

Equal because our scores lie on a grid on which 32-bit sums are exact: with free scores "ㅋㅋㅋ" has one sum
on paper for ㅋ|ㅋㅋ and ㅋㅋ|ㅋ, and either library rounds it in its own way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Library

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.special import SpecialIds
from malmoi.tokenizer.encoding.spaces import WHITE_SPACE
from malmoi.tokenizer.encoding.user_words import UNUSED, saved_words
from malmoi.tokenizer.names import find_special, template
from malmoi.tokenizer.sentencepiece import spm
from malmoi.tokenizer.sentencepiece.spm import SPACE, Model

NEVER = -10_000.0
"""A score no row of known pieces loses to: for `tokenizers`, "[unused0]" is a piece like others. Its score
of an unknown character is the lowest less ten, which decides nothing where pieces are of known characters."""


def to_library(model: Model, special: SpecialIds, words: Sequence[str] = ()) -> Library:
    """The tokenizer, with BERT's `[CLS] … [SEP] … [SEP]` around the text, and `words` among its pieces as
    added tokens."""
    written = {spm.as_piece(word): word for word in words}
    pieces = [
        replace(piece, text=written[piece.text], type=spm.CONTROL) if piece.text in written else piece
        for piece in model.pieces
    ]
    model = replace(model, pieces=tuple(pieces))
    unk = model.pieces[special.unk].text
    if model.kind == "unigram":
        hidden = NEVER if _covered(model) else 0.0
        vocab = [(p.text, p.score if p.type != spm.CONTROL else hidden) for p in model.pieces]
        library = Library(models.Unigram(vocab, unk_id=special.unk))
    else:
        ids = {piece.text: index for index, piece in enumerate(model.pieces)}
        library = Library(models.BPE(ids, _merges(model), unk_token=unk, fuse_unk=True))
    rewriting = [normalizers.Precompiled(model.charsmap)] if model.charsmap else []
    library.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            *rewriting,
            normalizers.Replace(Regex(f"[{SPACE}{WHITE_SPACE[1:]}"), " "),
            normalizers.Strip(),
        ]
    )
    library.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")
    library.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    library.post_processor = template(model.entries, special)
    library.add_special_tokens([model.pieces[index].text for index in astuple(special)])
    library.add_tokens(saved_words(words, library.normalizer, lstrip=True, rstrip=True))
    return library


def from_json(file: Path, state: dict[str, Any]) -> tuple[Model, tuple[str, ...]]:
    """The model and the user words of a tokenizer.json that `to_library` made: of a folder of ours no more is
    left by transformers' `save_pretrained`.

    Raises MM0203 for another one, naming the first part that `to_library` would make otherwise, and MM0206.
    """
    try:
        words = tuple(token["content"] for token in state["added_tokens"] if not token["special"])
        model = _model(file, state["model"], {word: spm.as_piece(word) for word in words})
        strange = {spm.as_piece(word) for word in words}.difference(model.entries)
        special = find_special(model.entries, file)
        made = json.loads(to_library(model, special, words).to_str())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"{type(error).__name__}: {error}") from None
    if strange:  # added behind the pieces
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"added_tokens: {min(strange)}")
    for part in ("added_tokens", "normalizer", "pre_tokenizer", "model"):
        if made[part] != state.get(part):
            raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"{part} ≠ malmoi's SentencePiece")
    return model, words


def _model(file: Path, told: dict[str, Any], words: dict[str, str]) -> Model:
    """A model of the same entries, `words` (→ their pieces) among them. Of BPE's scores only their order is
    known, which is that of the ids."""
    if told["type"] == "Unigram":
        kind, scores = "unigram", [(str(entry), float(score)) for entry, score in told["vocab"]]
    else:
        ids: dict[str, int] = told["vocab"]
        kind, scores = "bpe", [(entry, -float(ids[entry])) for entry in sorted(ids, key=lambda e: ids[e])]
    special = find_special([entry for entry, _ in scores], file)
    types = dict.fromkeys(astuple(special), spm.CONTROL) | {special.unk: spm.UNKNOWN}
    pieces = []
    for index, (entry, score) in enumerate(scores):
        type_ = types.get(index, spm.CONTROL if UNUSED.fullmatch(entry) else spm.NORMAL)
        type_ = spm.USER_DEFINED if entry in words else type_
        score = score if type_ == spm.NORMAL else 0.0
        pieces.append(spm.Piece(words.get(entry, entry), score, type_))
    return spm.make_model(pieces, kind)


def _covered(model: Model) -> bool:
    """Whether each character of a piece is a piece."""
    normal = {piece.text for piece in model.pieces if piece.type in (spm.NORMAL, spm.USER_DEFINED)}
    return all(char in normal for text in normal for char in text)


def _merges(model: Model) -> list[tuple[str, str]]:
    """All pairs of pieces that make a piece, the best piece first, as SentencePiece joins them."""
    known = {piece.text for piece in model.pieces if piece.type == spm.NORMAL}
    ranked = sorted((piece for piece in model.pieces if piece.type == spm.NORMAL), key=lambda p: -p.score)
    return [
        (piece.text[:cut], piece.text[cut:])
        for piece in ranked
        for cut in range(1, len(piece.text))
        if piece.text[:cut] in known and piece.text[cut:] in known
    ]
