"""The stages of `malmoi run`, in their order. A new one is a file here and a line in `STAGES`."""

from __future__ import annotations

from malmoi.pipeline.stage import Stage
from malmoi.pipeline.stages.corpus import CORPUS
from malmoi.pipeline.stages.league import LEAGUE
from malmoi.pipeline.stages.predict import PREDICT
from malmoi.pipeline.stages.pretrain import PRETRAIN
from malmoi.pipeline.stages.report import REPORT
from malmoi.pipeline.stages.shards import SHARDS
from malmoi.pipeline.stages.tokenizer import TOKENIZER

STAGES: dict[str, Stage] = {
    "corpus": CORPUS,
    "tokenizer": TOKENIZER,
    "shards": SHARDS,
    "pretrain": PRETRAIN,
    "league": LEAGUE,
    "predict": PREDICT,
    "report": REPORT,
}
