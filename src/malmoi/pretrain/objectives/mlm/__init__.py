"""Masked language modelling (Devlin et al. 2019): predict the chosen tokens from what was left of the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from malmoi.kinds import SettingsOf
from malmoi.pretrain.data.masking import MASKINGS, MaskingConfig
from malmoi.pretrain.objectives.kind import MaskedConfig, ObjectiveKind, PlottedMetric

if TYPE_CHECKING:
    from malmoi.pretrain.objectives.mlm.objective import Mlm


class MlmConfig(MaskedConfig):
    """Settings of the masked LM."""

    name: Literal["mlm"] = "mlm"
    masking: Annotated[MaskingConfig, SettingsOf(MASKINGS, MaskingConfig(name="plain"))] = Field(
        MaskingConfig(name="plain"),
        description="Which tokens are predicted, and what replaces them. plain: single tokens; published: as "
        "google-research/bert counts and draws them.",
    )


def _load() -> type[Mlm]:
    from malmoi.pretrain.objectives.mlm.objective import Mlm

    return Mlm


MLM = ObjectiveKind(
    title="BERT (MLM)",
    config=MlmConfig,
    load=_load,
    arch="bert",
    metrics=(PlottedMetric("loss", level="heldout_unigram"), PlottedMetric("accuracy", zero=True)),
    headline=("acc", "accuracy"),
    summary=("loss", "accuracy"),
    predicted="loss",
)
