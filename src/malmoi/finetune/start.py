"""What a fine-tuning run starts from: a checkpoint's weights, or new weights of the same shape.

A checkpoint is any folder with config.json, model.safetensors and a vocabulary: a `step-N/` of ours, a
BERT from Hugging Face, a fine-tuned model; or a pretraining run, whose newest checkpoint is taken. Where a
folder has its weights as a pickle, its converted copy is taken (`model/hf/convert.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from malmoi.artifact.finished import FileRecord, digest_json, record_inputs
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import read_json, reason
from malmoi.model.encoder import Encoder
from malmoi.model.heads import Classifier, ClassifyHead
from malmoi.model.hf.config import read_config
from malmoi.model.hf.convert import with_safetensors
from malmoi.model.hf.folder import load_pooler, read_encoder
from malmoi.model.sizes import EncoderConfig, HeadKind
from malmoi.paths import as_stored
from malmoi.pretrain.checkpoint import FOLDER, RECORD, newest_checkpoint
from malmoi.progress import SILENT, Reporter
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.kinds import tokenizer_files, vocabularies

WEIGHTS = ("config.json", "model.safetensors")


@dataclass(frozen=True, slots=True)
class Start:
    """`weights` is a model folder, or None: new weights of shape `shape`. `tokenizer` is a folder."""

    weights: Path | None
    shape: EncoderConfig
    tokenizer: Path

    def load(
        self,
        seed: int,
        dropout: float | None,
        outputs: int,
        head_kind: HeadKind | None = None,
        reporter: Reporter = SILENT,
        *,
        attention_dropout: float | None = None,
        glorot: bool = False,
    ) -> tuple[Classifier, Tokenizer]:
        """A classifier whose new parts come from `seed`, on the CPU, and the tokenizer that goes with it.

        A dropout that is None is the shape's; `glorot`: how the output layer starts (`ClassifyHead`).

        Raises MM0617 where the vocabulary is larger than the model's embedding, MM0412 where the head does
        not go with the encoder; warns what `load_tokenizer` does.
        """
        tokenizer = load_tokenizer(self.tokenizer, reporter=reporter)
        if tokenizer.vocab_size > self.shape.vocab_size:
            raise MalmoiError(
                Code.VOCABULARY_TOO_LARGE,
                self.tokenizer,
                tokens=tokenizer.vocab_size,
                rows=self.shape.vocab_size,
            )
        dropouts = {
            "dropout": self.shape.dropout if dropout is None else dropout,
            "attention_dropout": (
                self.shape.attention_dropout if attention_dropout is None else attention_dropout
            ),
        }
        shape = self.shape.model_copy(update=dropouts)
        torch.manual_seed(seed)
        encoder = Encoder(shape) if self.weights is None else read_encoder(self.weights, **dropouts)
        torch.manual_seed(seed + 1)  # the head must not depend on whether an encoder was drawn before it
        head = ClassifyHead(shape, outputs, head_kind, glorot_output=glorot)
        if self.weights is not None:
            load_pooler(self.weights, head)
        return Classifier(encoder, head), tokenizer

    def inputs(self, out: Path, *, verify: bool = False) -> dict[str, FileRecord]:
        """Digests of the files this start is made of; those known from `out` are not read again.

        Raises MM0013 where a file is not the one that its folder's checkpoint.json records.
        """
        paths = [self.tokenizer / name for name in tokenizer_files()]
        if self.weights is not None:
            paths += [self.weights / name for name in WEIGHTS]
        inputs = record_inputs((path for path in paths if path.is_file()), out, verify=verify)
        for folder in {self.tokenizer, self.weights or self.tokenizer}:
            _check_record(folder, inputs)
        return inputs

    def names(self, inputs: Mapping[str, FileRecord]) -> dict[str, str]:
        """name → digest for the artifact's key; where the files lie does not matter."""
        digests = {}
        for role, folder, files in (
            ("tokenizer", self.tokenizer, tokenizer_files()),
            ("model", self.weights, WEIGHTS),
        ):
            for name in files:
                if folder is not None and str(folder / name) in inputs:
                    digests[f"{role}/{name}"] = inputs[str(folder / name)].sha256
        if self.weights is None:
            digests["shape"] = digest_json(self.shape.model_dump(mode="json"))
        return digests


def _check_record(folder: Path, inputs: Mapping[str, FileRecord]) -> None:
    """Compare with checkpoint.json, where there is one: a flipped bit loads silently and misleads."""
    if not (folder / RECORD).is_file():
        return
    try:
        files = read_json(folder / RECORD).get("files", {})
        wanted = {str(folder / name): str(record["sha256"]) for name, record in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalmoiError(Code.ARTIFACT_CHANGED, folder / RECORD, reason=reason(error)) from None
    for path, sha256 in wanted.items():
        if path in inputs and inputs[path].sha256 != sha256:
            raise MalmoiError(Code.ARTIFACT_CHANGED, path, reason="SHA-256")


def pretrained(checkpoint: Path, tokenizer: Path | None = None, reporter: Reporter = SILENT) -> Start:
    """Start from a checkpoint. Raises MM0616 (no model there), MM0618 (no vocabulary with it), MM0504, and
    those of `with_safetensors`."""
    folder = resolve_checkpoint(checkpoint, reporter)
    own, tokenizer = tokenizer or checkpoint, as_stored(tokenizer) if tokenizer else folder
    if not any((tokenizer / name).is_file() for name in vocabularies()):
        raise MalmoiError(Code.MODEL_WITHOUT_TOKENIZER, own)
    shape, _ = read_config(folder)
    return Start(folder, shape, tokenizer)


def fresh(shape: EncoderConfig, tokenizer: Path) -> Start:
    """Start from new weights: the row of a league that shows what pretraining brought."""
    return Start(None, shape, tokenizer)


def without_pretraining(start: Start) -> Start:
    """New weights in the shape of another start, with its tokenizer."""
    return fresh(start.shape, start.tokenizer)


def resolve_checkpoint(path: Path, reporter: Reporter = SILENT) -> Path:
    """The folder that holds the model: the path itself, its converted copy, or the newest checkpoint of a
    pretraining run."""
    path = with_safetensors(as_stored(path), reporter)
    if all((path / name).is_file() for name in WEIGHTS):
        return path
    if (run := pretraining_run(path)) is not None:
        return newest_checkpoint(run)
    raise MalmoiError(Code.NO_MODEL, path)


def pretraining_run(path: Path) -> Path | None:
    """The pretraining run that `path` is or has in it; None where it is a checkpoint or another's model."""
    return next((run for run in (path, path / "pretrain") if (run / FOLDER).is_dir()), None)
