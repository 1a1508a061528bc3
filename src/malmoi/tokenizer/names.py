"""The five special tokens under the names they go by, BERT's or those of RoBERTa and SentencePiece, and what
transformers must be told of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from tokenizers import Encoding, processors
from tokenizers import Tokenizer as Library

from malmoi.artifact.disk import write_bytes, write_json
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.special import SPECIAL_TOKENS, SpecialIds

# In the order of SpecialIds; the first name that the vocabulary has is taken.
NAMES = (("[PAD]", "<pad>"), ("[UNK]", "<unk>"), ("[CLS]", "<s>"), ("[SEP]", "</s>"), ("[MASK]", "<mask>"))
ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
"""transformers' names for them, in the same order."""
NORMALIZE = "malmoi_normalize"
_TEXTS = ("A", "B")


def find_special(entries: Sequence[str], where: Path) -> SpecialIds:
    """Raises MM0206 where one has no entry under any of its names."""
    ids = {entry: index for index, entry in enumerate(entries)}
    found = [next((ids[name] for name in names if name in ids), None) for names in NAMES]
    if None in found:
        missing = (token for token, index in zip(SPECIAL_TOKENS, found, strict=True) if index is None)
        raise MalmoiError(Code.SPECIAL_TOKENS_MISSING, where, missing=" ".join(missing))
    return SpecialIds(*(index for index in found if index is not None))


def write_for_transformers(
    folder: Path,
    library: Library,
    entries: Sequence[str],
    special: SpecialIds,
    normalize: str,
    **more: object,
) -> None:
    """Write tokenizer.json, complete in itself, and tokenizer_config.json. The class named there takes the
    file as it is: `BertTokenizer` would build another tokenizer from the vocabulary, without NFC.

    transformers' `save_pretrained` leaves these two only, with all that stands in the second: so `normalize`
    of malmoi.json, which no tokenizer.json can tell, stands there too."""
    write_bytes(folder / "tokenizer.json", (library.to_str(pretty=True) + "\n").encode())
    tokens = [entries[index] for index in astuple(special)]
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": False,
        "strip_accents": False,
        "model_max_length": 512,
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        **dict(zip(ROLES, tokens, strict=True)),
        NORMALIZE: normalize,
        **more,
    }
    write_json(folder / "tokenizer_config.json", settings)


def template(entries: Sequence[str], special: SpecialIds) -> processors.TemplateProcessing:
    """`[CLS] first [SEP] second [SEP]` with segments 0 and 1."""
    cls, sep = entries[special.cls], entries[special.sep]
    return processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, special.cls), (sep, special.sep)],
    )


def refusals(
    file: Path, state: dict[str, Any], entries: Sequence[str], special: SpecialIds
) -> tuple[MalmoiError | None, MalmoiError | None]:
    """Why a tokenizer.json's rows are not ours, of one text and of two: MM0215 where its post-processor puts
    other tokens around them than `template` does, or gives them other segments.

    Raises MM0203 for one that the library does not take.
    """
    ids = {text: len(entries) + index for index, text in enumerate(_TEXTS)}
    model = {"type": "WordLevel", "vocab": ids, "unk_token": _TEXTS[0]}
    toy: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "model": model,
        "post_processor": state.get("post_processor"),
    }
    try:
        library = Library.from_str(json.dumps(toy))
        theirs = _rows(library)
    # The library raises Exception itself, and panics (0.23) where a token lacks.
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"post_processor: {error}") from None
    library.post_processor = template(entries, special)
    cls, sep = (f"('{entries[index]}', {index})" for index in (special.cls, special.sep))
    one, two = (
        None
        if (found.ids, found.type_ids) == (wanted.ids, wanted.type_ids)
        else MalmoiError(
            Code.SPECIAL_TOKENS_DIFFER,
            file,
            file=file,
            cls=cls,
            sep=sep,
            found=_shown(found),
            wanted=_shown(wanted),
        )
        for found, wanted in zip(theirs, _rows(library), strict=True)
    )
    return one, two


def _rows(library: Library) -> tuple[Encoding, Encoding]:
    return library.encode(_TEXTS[0]), library.encode(*_TEXTS)


def _shown(row: Encoding) -> str:
    return " ".join(map("{}:{}".format, row.tokens, row.type_ids))
