"""The bugs by name, and the healthy run they are compared with.

They are those that replications of ELECTRA name as the reason why "the loss falls and fine-tuning fails".
A bug is one thing: another objective, or other values of a few settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from malmoi.autopsy import planted
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.electra.objective import Electra
from malmoi.training.optimizers import AdamWConfig

HEALTHY = "healthy"  # the row without a bug

# The generator is as wide as the discriminator because only then can it be initialized from counts; at
# temperature 1 it then replaces so plausibly that even a healthy discriminator's AUC stays at .50 to .60 on
# the sample (2 x 64 and 2 x 128, 400 steps).
MODEL = ModelConfig(layers=2, hidden=64, heads=2, generator_width=1.0, max_positions=64, dropout=0.0)
RECIPE = PretrainConfig(
    objective=ElectraConfig(temperature=2.0),
    weight_init="cooccurrence",
    row_len=64,
    batch_size=8,
    steps=240,
    lr=1e-3,
    warmup=0.1,
    schedule="electra",
    optimizer=AdamWConfig(beta2=0.999, bias_correction=False),
    precision="fp32",
    device="cpu",
    log_every=20,
    heldout_every=120,
    heldout_rows=128,
    checkpoint_every=120,
)


@dataclass(frozen=True, slots=True)
class Bug:
    """What is planted; the catalog's `autopsy.bug.NAME` describes it.

    Attributes:
        objective: takes Electra's place.
        settings: fields of `[pretrain]` with other values, as a recipe's run would change them.
    """

    objective: type[Electra] = Electra
    settings: Mapping[str, Any] = field(default_factory=dict)


BUGS: dict[str, Bug] = {
    "untied": Bug(planted.Untied),
    "half-tied": Bug(planted.HalfTied),
    "mask-left": Bug(planted.MaskLeft),
    "labels": Bug(planted.Labels),
    "random-tokens": Bug(planted.RandomTokens),
    "argmax": Bug(planted.Argmax),
    "stuck-noise": Bug(planted.StuckNoise),
    "half-precision-gumbel": Bug(planted.HalfPrecisionNoise),
    "generator-only": Bug(planted.GeneratorOnly),
    "per-micro-batch": Bug(planted.PerMicroBatch, {"micro_batch_size": 4}),
    "wrong-save": Bug(planted.WrongSave),
    "masked-only": Bug(planted.MaskedOnly),
    "random-words": Bug(planted.RandomWords),
    "weight-one": Bug(settings={"objective": {"discriminator_weight": 1.0}}),
    "no-clip": Bug(settings={"clip": 0.0}),
    "high-rate": Bug(settings={"lr": 2e-2}),
    "bias-correction": Bug(settings={"optimizer": {"bias_correction": True}}),
    "schedule": Bug(settings={"schedule": "linear"}),
    "random-init": Bug(settings={"weight_init": "random"}),
}


def choose_bugs(wanted: str | None) -> list[str]:
    """The names in a list with commas, in the table's order; None: all. Raises MM1101 (no such bug)."""
    if wanted is None:
        return list(BUGS)
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in BUGS:
            raise MalmoiError(Code.UNKNOWN_BUG, name=name, known=", ".join(BUGS))
    return [name for name in BUGS if name in names]
