"""config.json as Hugging Face writes it, to and from `EncoderConfig`.

What our encoder cannot compute (another activation, relative positions, a decoder) is an error, never
ignored: a model that opens but is subtly different is the worst outcome.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import JsonError, kind_of, read_json, reason
from malmoi.model.sizes import EncoderConfig

CONFIG = "config.json"

# Our name → Hugging Face's.
FIELDS = {
    "vocab_size": "vocab_size",
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "ffn": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "type_vocab": "type_vocab_size",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "layer_norm_eps": "layer_norm_eps",
    "pad_id": "pad_token_id",
}
EMBEDDING = "embedding_size"  # ElectraConfig's; a BERT has none
# BertConfig's and ElectraConfig's own defaults; the sizes have none, because a config without them is not a
# BERT's.
DEFAULTS = {
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}
# What the encoder computes; an absent setting means the same.
FIXED: dict[str, Any] = {
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}


def config_json(config: EncoderConfig, architecture: str, labels: list[str] | None) -> dict[str, Any]:
    """config.json's contents; `labels` for a classifier only."""
    table: dict[str, Any] = {"architectures": [architecture], "dtype": "float32"}
    table |= {"model_type": config.arch} | FIXED
    table |= {theirs: getattr(config, ours) for ours, theirs in FIELDS.items()}
    if config.arch == "electra":
        table[EMBEDDING] = config.embedding
    if labels is not None:
        table["id2label"] = {str(i): label for i, label in enumerate(labels)}
        table["label2id"] = {label: i for i, label in enumerate(labels)}
    return table


def read_config(folder: Path) -> tuple[EncoderConfig, dict[str, Any]]:
    """The encoder a folder's config.json describes, and the whole table.

    Raises MM0402 (no config.json), MM0404 (not JSON, or a number missing or impossible), MM0405 (a setting
    our encoder does not compute).
    """
    path = folder / CONFIG
    try:
        table = read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        raise MalmoiError(Code.MODEL_FILE_MISSING, folder, file=CONFIG) from None
    except (JsonError, OSError) as error:
        raise MalmoiError(Code.CONFIG_UNREADABLE, path, file=path, detail=reason(error)) from None
    if not isinstance(table, dict):
        raise MalmoiError(Code.CONFIG_UNREADABLE, path, file=path, detail=f"{kind_of(table)} ≠ {kind_of({})}")
    arch = table.get("model_type", "bert")
    if arch not in ("bert", "electra"):
        raise MalmoiError(
            Code.UNSUPPORTED_MODEL, path, setting="model_type", value=arch, wanted="bert, electra"
        )
    for name, wanted in FIXED.items():
        if table.get(name, wanted) != wanted:
            raise MalmoiError(Code.UNSUPPORTED_MODEL, path, setting=name, value=table[name], wanted=wanted)
    values = {ours: table.get(theirs, DEFAULTS.get(theirs)) for ours, theirs in FIELDS.items()}
    try:
        if arch == "electra":
            values["embedding"] = table.get(EMBEDDING, 128)
        config = EncoderConfig.model_validate({"arch": arch} | values)
    except ValidationError as error:
        first = error.errors()[0]
        name = FIELDS.get(str(first["loc"][0]), "") if first["loc"] else ""
        raise MalmoiError(Code.CONFIG_UNREADABLE, path, file=path, detail=f"{name}: {first['msg']}") from None
    if config.hidden % config.heads:
        raise MalmoiError(Code.HEADS_DO_NOT_DIVIDE, path, hidden=config.hidden, heads=config.heads)
    return config, table


def labels_of(table: dict[str, Any], outputs: int) -> list[str]:
    """The classifier's labels in order of their ids; LABEL_0, … where config.json names none."""
    named = table.get("id2label")
    if isinstance(named, dict) and set(named) == {str(i) for i in range(outputs)}:
        return [str(named[str(i)]) for i in range(outputs)]
    return [f"LABEL_{i}" for i in range(outputs)]
