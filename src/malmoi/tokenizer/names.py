"""The five special tokens under the names they go by, BERT's or those of RoBERTa and SentencePiece, and what
transformers must be told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from tokenizers import Tokenizer as Library
from tokenizers import processors

from malmoi.artifact.disk import write_bytes, write_json
from malmoi.errors import MalmoiError
from malmoi.special import SPECIAL_TOKENS, SpecialIds

# In the order of SpecialIds; the first name that the vocabulary has is taken.
NAMES = (("[PAD]", "<pad>"), ("[UNK]", "<unk>"), ("[CLS]", "<s>"), ("[SEP]", "</s>"), ("[MASK]", "<mask>"))
ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
"""transformers' names for them, in the same order."""
NORMALIZE = "malmoi_normalize"


def find_special(entries: Sequence[str], where: Path) -> SpecialIds:
    """Raises MM0206 where one has no entry under any of its names."""
    ids = {entry: index for index, entry in enumerate(entries)}
    found = [next((ids[name] for name in names if name in ids), None) for names in NAMES]
    if None in found:
        missing = (token for token, index in zip(SPECIAL_TOKENS, found, strict=True) if index is None)
        raise MalmoiError("MM0206", where, missing=" ".join(missing))
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
