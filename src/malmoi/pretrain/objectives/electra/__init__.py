"""ELECTRA (Clark et al. 2020): a small masked LM replaces tokens, a discriminator finds out which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from malmoi.kinds import SettingsOf
from malmoi.model.hf.config import read_config
from malmoi.model.sizes import EncoderConfig
from malmoi.pretrain.data.masking import MASKINGS, MaskingConfig
from malmoi.pretrain.objectives.electra.alarms import BLIND, ElectraJudge
from malmoi.pretrain.objectives.kind import MaskedConfig, ObjectiveKind, PlottedMetric

if TYPE_CHECKING:
    from malmoi.pretrain.objectives.electra.objective import Electra

GENERATOR = "generator"  # its folder inside a checkpoint


class ElectraConfig(MaskedConfig):
    """Settings of ELECTRA."""

    name: Literal["electra"] = "electra"
    masking: Annotated[MaskingConfig, SettingsOf(MASKINGS, MaskingConfig(name="electra"))] = Field(
        MaskingConfig(name="electra"),
        description="Which tokens the generator predicts. electra: as published, drawn with replacement, "
        "85 % of them masked.",
    )
    generator_weight: float = Field(1.0, gt=0, description="Weight of the generator's loss.")
    discriminator_weight: float = Field(50.0, gt=0, description="Weight of the discriminator's loss.")
    temperature: float = Field(1.0, gt=0, description="Temperature of the generator's samples.")
    glorot: bool = Field(
        False,
        description="The projections of narrow embeddings and the discriminator's last layer start "
        "Glorot-uniform, as google-research/electra leaves them, and not N(0, .02) like everything else.",
    )


def _load() -> type[Electra]:
    from malmoi.pretrain.objectives.electra.objective import Electra

    return Electra


def _shape(folder: Path, encoder: EncoderConfig) -> dict[str, float]:
    generator, _ = read_config(folder / GENERATOR)
    return {"embedding": encoder.embedding, "generator_width": generator.hidden / encoder.hidden}


ELECTRA = ObjectiveKind(
    title="ELECTRA",
    config=ElectraConfig,
    load=_load,
    arch="electra",
    metrics=(
        PlottedMetric("generator_loss", level="heldout_unigram"),
        PlottedMetric("discriminator_loss", beside="base_entropy"),
        PlottedMetric("discriminator_auc", chance=0.5, blind=BLIND),
        PlottedMetric("replaced_rate"),
        PlottedMetric("generator_accuracy", zero=True),
    ),
    headline=("auc", "discriminator_auc"),
    summary=("generator_loss", "discriminator_loss", "discriminator_auc"),
    predicted="generator_loss",
    judge=ElectraJudge,
    folders=(GENERATOR,),
    shape=_shape,
)
