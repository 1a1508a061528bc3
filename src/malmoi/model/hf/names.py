"""The names of our modules in Hugging Face's files, for each pair of encoder and head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from malmoi.model.heads import Classifier, Discriminator, MaskedLM
from malmoi.model.sizes import Arch, HeadKind

Role = Literal["mlm", "rtd"] | HeadKind

# Our modules → theirs, `bert.` or `electra.` left out. Three names: the rows of our matrix are theirs, one
# after the other.
ENCODER = {
    "encoder.embeddings.word": "embeddings.word_embeddings",
    "encoder.embeddings.position": "embeddings.position_embeddings",
    "encoder.embeddings.token_type": "embeddings.token_type_embeddings",
    "encoder.embeddings.norm": "embeddings.LayerNorm",
    "encoder.project": "embeddings_project",
}
BLOCK = {
    "qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "out": ("attention.output.dense",),
    "attention_norm": ("attention.output.LayerNorm",),
    "up": ("intermediate.dense",),
    "down": ("output.dense",),
    "ffn_norm": ("output.LayerNorm",),
}
BUFFER = "embeddings.position_ids"  # saved by transformers before 4.31
HEADS = ("cls.", "pooler.", "classifier.", "qa_outputs.", "generator_", "discriminator_")
_OUTSIDE = tuple(head for head in HEADS if head != "pooler.")  # the pooler is inside BertModel


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of model on disk.

    Attributes:
        architecture: the class of transformers that opens it as it is.
        head: our modules of the head → theirs.
        sign: a weight that every folder of this kind has.
        leave: prefixes of other heads' weights, which may be in the file and are not read.
    """

    architecture: str
    head: Mapping[str, str]
    sign: str
    leave: tuple[str, ...]


LAYOUTS: dict[tuple[Arch, Role], Layout] = {
    ("bert", "mlm"): Layout(
        "BertForMaskedLM",
        {
            "head": "cls.predictions",
            "head.dense": "cls.predictions.transform.dense",
            "head.norm": "cls.predictions.transform.LayerNorm",
        },
        "cls.predictions.transform.dense.weight",
        ("cls.seq_relationship.", "cls.predictions.decoder.", *HEADS[1:]),
    ),
    ("bert", "pooler"): Layout(
        "BertForSequenceClassification",
        {"head.pooler": "pooler.dense", "head.classifier": "classifier"},
        "classifier.weight",
        ("cls.", "qa_outputs."),
    ),
    ("bert", "linear"): Layout(
        "BertModel",
        {"head.classifier": "classifier"},
        "classifier.weight",
        ("cls.", "pooler.", "qa_outputs."),
    ),
    ("electra", "mlm"): Layout(
        "ElectraForMaskedLM",
        {
            "head": "generator_lm_head",
            "head.dense": "generator_predictions.dense",
            "head.norm": "generator_predictions.LayerNorm",
        },
        "generator_predictions.dense.weight",
        ("generator_lm_head.weight", "classifier.", "qa_outputs.", "discriminator_"),
    ),
    ("electra", "rtd"): Layout(
        "ElectraForPreTraining",
        {
            "head.dense": "discriminator_predictions.dense",
            "head.prediction": "discriminator_predictions.dense_prediction",
        },
        "discriminator_predictions.dense.weight",
        ("classifier.", "qa_outputs.", "generator_"),
    ),
    ("electra", "linear"): Layout(
        "ElectraModel", {"head.classifier": "classifier"}, "classifier.weight", ("qa_outputs.", *HEADS[4:])
    ),
    ("electra", "dense"): Layout(
        "ElectraForSequenceClassification",
        {"head.dense": "classifier.dense", "head.classifier": "classifier.out_proj"},
        "classifier.out_proj.weight",
        ("qa_outputs.", *HEADS[4:]),
    ),
}


def role_of(model: nn.Module) -> Role:
    """The head on the encoder of one of our models."""
    if isinstance(model, MaskedLM):
        return "mlm"
    if isinstance(model, Discriminator):
        return "rtd"
    assert isinstance(model, Classifier)
    return model.head.kind


def theirs(name: str, head: Mapping[str, str]) -> list[str]:
    """The names on disk, `bert.` or `electra.` left out, of the weights of one of our models."""
    # A compiled block's weights carry its wrapper's name.
    module, _, leaf = name.replace("_orig_mod.", "").rpartition(".")
    if block := re.fullmatch(r"encoder\.blocks\.(\d+)\.(\w+)", module):
        return [f"encoder.layer.{block[1]}.{part}.{leaf}" for part in BLOCK[block[2]]]
    return [f"{ENCODER.get(module) or head[module]}.{leaf}"]


def with_prefix(name: str, arch: Arch) -> str:
    """The full name: everything except the heads is inside transformers' `bert` or `electra`."""
    return name if name.startswith(_OUTSIDE) else f"{arch}.{name}"
