"""model.safetensors of a BERT or an ELECTRA, read strictly: one spelling, every weight there, right shapes.

The header is checked against what the model needs before a byte of weights is read or allocated. Nothing here
unpickles: a folder that holds only a pickle is refused, because reading one may run any code its author put
in (`convert.py` makes a copy of such a folder that can be read).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.paths import utf8_path

WEIGHTS = "model.safetensors"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json")
FLOATS = {"F64", "F32", "F16", "BF16"}
SHOWN = 3

DECODER = "cls.predictions.decoder"
# The output matrix of the masked-LM head: a second copy of the word embeddings, if it is stored at all.
OUTPUTS = (f"{DECODER}.weight", "generator_lm_head.weight")


class Weights:
    """An open file. Names come without the `bert.` or `electra.` in front (bare models save none) and with
    LayerNorm's `gamma` and `beta` (TensorFlow's, in the oldest conversions) as `weight` and `bias`."""

    def __init__(self, path: Path, opened: Any) -> None:
        self.path = path
        self._opened = opened
        self._stored: dict[str, str] = {}
        for stored in opened.keys():  # noqa: SIM118 (not a mapping)
            name = one_spelling(stored)
            # A second spelling of the same weight keeps its own name, and is therefore refused as unknown.
            self._stored[stored if name in self._stored else name] = stored
        if f"{DECODER}.bias" in self._stored and "cls.predictions.bias" not in self._stored:
            self._stored["cls.predictions.bias"] = self._stored[f"{DECODER}.bias"]

    def __contains__(self, name: str) -> bool:
        return name in self._stored

    def shape(self, name: str) -> tuple[int, ...]:
        return tuple(self._opened.get_slice(self._stored[name]).get_shape())

    def tensor(self, name: str) -> Tensor:
        tensor: Tensor = self._opened.get_tensor(self._stored[name])
        return tensor

    def take(self, wanted: Mapping[str, tuple[int, ...]], leave: tuple[str, ...] | None) -> dict[str, Tensor]:
        """The weights named in `wanted` (name → shape) in fp32.

        Args:
            wanted: names in one spelling.
            leave: prefixes of names that may be in the file and are not wanted; None allows all.
        Raises:
            MalmoiError: MM0406 missing or unknown names, MM0407 another shape or not floating point.
        """
        missing = [name for name in wanted if name not in self]
        unknown = (
            [] if leave is None else [n for n in self._stored if n not in wanted and not n.startswith(leave)]
        )
        if missing or unknown:
            raise MalmoiError(
                Code.WEIGHTS_DO_NOT_FIT, self.path, missing=_some(missing), unknown=_some(unknown)
            )
        for name, shape in wanted.items():
            dtype = str(self._opened.get_slice(self._stored[name]).get_dtype())
            if self.shape(name) != shape or dtype not in FLOATS:
                found = f"{dtype} {list(self.shape(name))}"
                raise MalmoiError(
                    Code.WRONG_SHAPE, self.path, name=name, found=found, wanted=f"F32 {list(shape)}"
                )
        return {name: self.tensor(name).to(torch.float32) for name in wanted}

    def check_tied(self) -> None:
        """Raise MM0409 if the masked-LM matrix is stored and is not the word embeddings."""
        words = "embeddings.word_embeddings.weight"
        for outputs in OUTPUTS:
            if (
                outputs in self
                and words in self
                and not torch.equal(self.tensor(outputs), self.tensor(words))
            ):
                raise MalmoiError(Code.OUTPUT_NOT_TIED, self.path, name=outputs)


@contextmanager
def open_weights(folder: Path) -> Iterator[Weights]:
    """Open a folder's model.safetensors. Raises MM0402 (none), MM0403 (only a pickle), MM0408 (damaged)."""
    path = folder / WEIGHTS
    if not path.is_file():
        pickle = next((name for name in PICKLES if (folder / name).is_file()), None)
        if pickle:
            raise MalmoiError(Code.ONLY_A_PICKLE, folder, file=pickle, folder=folder)
        raise MalmoiError(Code.MODEL_FILE_MISSING, folder, file=WEIGHTS)
    try:
        with utf8_path(path) as name, safe_open(name, framework="pt") as opened:
            yield Weights(path, opened)
    except (SafetensorError, OSError) as error:
        raise MalmoiError(Code.WEIGHTS_DAMAGED, path, detail=str(error)[:200]) from None


def one_spelling(name: str) -> str:
    """A stored name as the current BertModel has it."""
    return re.sub(r"LayerNorm\.(gamma|beta)$", _modern, name.removeprefix("bert.").removeprefix("electra."))


def _modern(found: re.Match[str]) -> str:
    return "LayerNorm." + {"gamma": "weight", "beta": "bias"}[found[1]]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN]) or "-"
    return shown + (f", … ({len(names)})" if len(names) > SHOWN else "")
