"""Models on disk in Hugging Face's layout: config.json and model.safetensors, nothing else.

What we write opens in `transformers` (BertForMaskedLM, ElectraForPreTraining, …: `hf.names` has the table)
and agrees to 1e-5 in fp32; what they and the published BERTs and ELECTRAs save opens here. Every weight must
be there and fit: if one is silently skipped, the model trains and is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from malmoi.artifact.disk import write_bytes, write_json
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.encoder import Encoder
from malmoi.model.heads import (
    Classifier,
    ClassifyHead,
    Discriminator,
    MaskedLM,
    MlmHead,
    RtdHead,
)
from malmoi.model.hf.config import CONFIG, config_json, labels_of, read_config
from malmoi.model.hf.names import BUFFER, HEADS, LAYOUTS, Layout, role_of, theirs, with_prefix
from malmoi.model.hf.weights import WEIGHTS, Weights, open_weights
from malmoi.model.sizes import EncoderConfig, HeadKind


def write_model(
    folder: Path,
    model: MaskedLM | Discriminator | Classifier,
    labels: list[str] | None = None,
    *,
    problem_type: str | None = None,
) -> None:
    """Write config.json and model.safetensors (fp32), each through a temporary file and a rename.

    Equal weights give equal bytes. `labels` names a classifier's outputs (LABEL_0, … without);
    `problem_type` is what transformers learns by ("regression": its one output is a number, not a class).
    """
    config = model.encoder.config
    layout = LAYOUTS[config.arch, role_of(model)]
    if isinstance(model, Classifier):
        outputs = model.head.classifier.out_features
        labels = labels or labels_of({}, outputs)
        if len(labels) != outputs:
            raise ValueError(f"{len(labels)} labels for {outputs} outputs")
    tensors = {}
    for name, value in model.state_dict().items():
        names = theirs(name, layout.head)
        for one, part in zip(names, value.chunk(len(names)), strict=True):
            # `clone`: parts of one matrix share memory, which safetensors does not write.
            tensors[with_prefix(one, config.arch)] = part.to("cpu", torch.float32).clone().contiguous()
    table = config_json(config, layout.architecture, labels)
    if problem_type is not None:
        table["problem_type"] = problem_type
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / WEIGHTS, save(tensors, metadata={"format": "pt"}))
    write_json(folder / CONFIG, table)


def read_encoder(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> Encoder:
    """The encoder of any BERT or ELECTRA folder, without heads. The dropouts, if given, replace the file's.

    Raises MM0402-MM0408: no model, only a pickle, a config we do not support, a damaged file, weights that
    are missing, unknown or of another shape. The other readers raise them too.
    """
    config, _ = _config(folder, dropout, attention_dropout)
    with torch.device("meta"):
        encoder = Encoder(config)
    with open_weights(folder) as weights:
        _fill(encoder, "encoder.", weights, {}, HEADS)
    return encoder


def read_masked_lm(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> MaskedLM:
    """Encoder and masked-LM head (an ELECTRA's generator has it). Raises MM0410 without that head, MM0409 if
    its matrix is not the word embeddings."""
    config, _ = _config(folder, dropout, attention_dropout)
    with torch.device("meta"):
        model = MaskedLM(Encoder(config), MlmHead(config))
    layout = LAYOUTS[config.arch, "mlm"]
    with open_weights(folder) as weights:
        _need(weights, layout, "masked LM")
        weights.check_tied()
        _fill(model, "", weights, layout.head, layout.leave)
    return model


def read_discriminator(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> Discriminator:
    """An ELECTRA's encoder and its head for replaced tokens. Raises MM0410 without that head."""
    config, _ = _config(folder, dropout, attention_dropout)
    with torch.device("meta"):
        model = Discriminator(Encoder(config), RtdHead(config))
    layout = LAYOUTS["electra", "rtd"]
    with open_weights(folder) as weights:
        _need(weights, layout, "discriminator")
        _fill(model, "", weights, layout.head, layout.leave)
    return model


def read_classifier(
    folder: Path, *, dropout: float | None = None, attention_dropout: float | None = None
) -> tuple[Classifier, list[str]]:
    """Encoder, classifier and the names of its outputs. Raises MM0410 if the folder has no classifier."""
    config, table = _config(folder, dropout, attention_dropout)
    with open_weights(folder) as weights:
        kind: HeadKind = "linear"
        if config.arch == "bert" and "pooler.dense.weight" in weights:
            kind = "pooler"
        if config.arch == "electra" and "classifier.out_proj.weight" in weights:
            kind = "dense"
        layout = LAYOUTS[config.arch, kind]
        _need(weights, layout, "classifier")
        outputs = (weights.shape(layout.sign) or (1,))[0]
        with torch.device("meta"):
            model = Classifier(Encoder(config), ClassifyHead(config, outputs, kind))
        _fill(model, "", weights, layout.head, layout.leave)
    return model, labels_of(table, outputs)


def load_pooler(folder: Path, head: ClassifyHead) -> bool:
    """Copy the trained pooler of a BERT folder into `head`.

    False, and `head` as it was, if it has no place for one or the folder has none: a masked-LM checkpoint
    (trained without next-sentence prediction), whose pooler starts new.
    """
    if head.kind != "pooler":
        return False
    with open_weights(folder) as weights:
        if "pooler.dense.weight" not in weights:
            return False
        _fill(head.pooler, "head.pooler.", weights, LAYOUTS["bert", "pooler"].head, None)
    return True


def _config(
    folder: Path, dropout: float | None, attention_dropout: float | None
) -> tuple[EncoderConfig, dict[str, Any]]:
    config, table = read_config(folder)
    given = {"dropout": dropout, "attention_dropout": attention_dropout}
    return config.model_copy(update={name: p for name, p in given.items() if p is not None}), table


def _need(weights: Weights, layout: Layout, head: str) -> None:
    if layout.sign not in weights:
        raise MalmoiError(Code.HEAD_MISSING, weights.path, head=head, name=layout.sign)


def _fill(
    module: nn.Module, prefix: str, weights: Weights, head: Mapping[str, str], leave: tuple[str, ...] | None
) -> None:
    """Put the file's weights into `module`; those on the meta device are replaced, others overwritten."""
    names = {name: theirs(prefix + name, head) for name in module.state_dict()}
    wanted: dict[str, tuple[int, ...]] = {}
    for name, value in module.state_dict().items():
        rows, *rest = value.shape
        wanted |= {one: (rows // len(names[name]), *rest) for one in names[name]}
    found = weights.take(wanted, None if leave is None else (BUFFER, *leave))
    # `cat` copies, so no weight stays in the mapped file.
    state = {name: torch.cat([found[one] for one in parts]) for name, parts in names.items()}
    module.load_state_dict(state, assign=next(module.parameters()).is_meta)
