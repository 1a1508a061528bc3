"""Models on disk in Hugging Face's layout: config.json and model.safetensors, nothing else.

What we write opens in `transformers` (AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification)
and agrees to 1e-5 in fp32; what they and the published BERTs save opens here. Every weight must be there and
fit: one that is silently skipped gives a model that trains and is wrong.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from malmoi.artifact import write_bytes, write_json
from malmoi.errors import MalmoiError
from malmoi.model.encoder import Encoder
from malmoi.model.heads import Classifier, ClassifyHead, MaskedLM, MlmHead
from malmoi.model.hf_config import CONFIG, config_json, labels_of, read_config
from malmoi.model.hf_weights import WEIGHTS, Weights, open_weights
from malmoi.model.sizes import EncoderConfig

# Our modules → theirs, `bert.` left out. Three names: the rows of our matrix are theirs, one after the other.
MODULES = {
    "encoder.embeddings.word": "embeddings.word_embeddings",
    "encoder.embeddings.position": "embeddings.position_embeddings",
    "encoder.embeddings.token_type": "embeddings.token_type_embeddings",
    "encoder.embeddings.norm": "embeddings.LayerNorm",
    "head": "cls.predictions",
    "head.dense": "cls.predictions.transform.dense",
    "head.norm": "cls.predictions.transform.LayerNorm",
    "head.pooler": "pooler.dense",
    "head.classifier": "classifier",
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
HEADS = ("cls.", "pooler.", "classifier.", "qa_outputs.")
NOT_MLM = ("cls.seq_relationship.", "cls.predictions.decoder.", *HEADS[1:])
NOT_CLASSIFIER = ("cls.", "qa_outputs.")


def write_model(folder: Path, model: MaskedLM | Classifier, labels: list[str] | None = None) -> None:
    """Write config.json and model.safetensors (fp32), each through a temporary file and a rename.

    Equal weights give equal bytes. `labels` names a classifier's outputs (LABEL_0, … without).
    """
    architecture = "BertForMaskedLM"
    if isinstance(model, Classifier):
        architecture, outputs = "BertForSequenceClassification", model.head.classifier.out_features
        labels = labels or labels_of({}, outputs)
        if len(labels) != outputs:
            raise ValueError(f"{len(labels)} labels for {outputs} outputs")
    tensors = {}
    for name, value in model.state_dict().items():
        theirs = _theirs(name)
        for one, part in zip(theirs, value.chunk(len(theirs)), strict=True):
            prefix = "" if one.startswith(("cls.", "classifier.")) else "bert."
            # `clone`: parts of one matrix share memory, which safetensors does not write.
            tensors[prefix + one] = part.to("cpu", torch.float32).clone().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, save(tensors, metadata={"format": "pt"}))
    write_json(folder / CONFIG, config_json(model.encoder.config, architecture, labels))


def read_encoder(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> Encoder:
    """The encoder of any BERT folder; heads are left aside. The dropouts replace the file's where given.

    Raises MM0402-MM0408: no model, only a pickle, a config we cannot follow, a damaged file, weights that are
    missing, unknown or of another shape. The other readers raise them too.
    """
    config, _ = _config(folder, dropout, attention_dropout)
    with torch.device("meta"):
        encoder = Encoder(config)
    with open_weights(folder) as weights:
        _fill(encoder, "encoder.", weights, HEADS)
    return encoder


def read_masked_lm(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> MaskedLM:
    """Encoder and masked-LM head. Raises MM0410 without that head, MM0409 where its matrix is another one."""
    config, _ = _config(folder, dropout, attention_dropout)
    with torch.device("meta"):
        model = MaskedLM(Encoder(config), MlmHead(config))
    with open_weights(folder) as weights:
        _need(weights, "cls.predictions.transform.dense.weight", "masked LM")
        weights.check_tied()
        _fill(model, "", weights, NOT_MLM)
    return model


def read_classifier(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> tuple[Classifier, list[str]]:
    """Encoder, classifier and the names of its outputs. Raises MM0410 where the folder has no classifier."""
    config, table = _config(folder, dropout, attention_dropout)
    with open_weights(folder) as weights:
        _need(weights, "classifier.weight", "classifier")
        outputs = (weights.shape("classifier.weight") or (1,))[0]
        with torch.device("meta"):
            model = Classifier(Encoder(config), ClassifyHead(config, outputs))
        _fill(model, "", weights, NOT_CLASSIFIER)
    return model, labels_of(table, outputs)


def load_pooler(folder: Path, head: ClassifyHead) -> bool:
    """Copy the trained pooler of a BERT folder into `head`.

    False, and `head` as it was, where the folder has none: a masked-LM checkpoint (ours, or a peer's trained
    without next-sentence prediction), whose pooler starts new.
    """
    with open_weights(folder) as weights:
        if "pooler.dense.weight" not in weights:
            return False
        _fill(head.pooler, "head.pooler.", weights, None)
    return True


def _config(
    folder: Path, dropout: float | None, attention_dropout: float | None
) -> tuple[EncoderConfig, dict[str, Any]]:
    config, table = read_config(folder)
    given = {"dropout": dropout, "attention_dropout": attention_dropout}
    return config.model_copy(update={name: p for name, p in given.items() if p is not None}), table


def _need(weights: Weights, name: str, head: str) -> None:
    if name not in weights:
        raise MalmoiError("MM0410", weights.path, head=head, name=name)


def _fill(module: nn.Module, prefix: str, weights: Weights, leave: tuple[str, ...] | None) -> None:
    """Put the file's weights into `module`; those on the meta device are replaced, others overwritten."""
    names = {name: _theirs(prefix + name) for name in module.state_dict()}
    wanted: dict[str, tuple[int, ...]] = {}
    for name, value in module.state_dict().items():
        rows, *rest = value.shape
        wanted |= {one: (rows // len(names[name]), *rest) for one in names[name]}
    found = weights.take(wanted, None if leave is None else (BUFFER, *leave))
    # `cat` copies, so no weight stays in the mapped file.
    state = {name: torch.cat([found[one] for one in theirs]) for name, theirs in names.items()}
    module.load_state_dict(state, assign=next(module.parameters()).is_meta)


def _theirs(name: str) -> list[str]:
    """The names on disk (without `bert.`) of the weights that one of ours holds."""
    # A compiled block's weights carry its wrapper's name.
    module, _, leaf = name.replace("_orig_mod.", "").rpartition(".")
    if block := re.fullmatch(r"encoder\.blocks\.(\d+)\.(\w+)", module):
        return [f"encoder.layer.{block[1]}.{part}.{leaf}" for part in BLOCK[block[2]]]
    return [f"{MODULES[module]}.{leaf}"]
