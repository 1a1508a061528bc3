"""The question that matters, for every variant: what does it score when fine-tuned?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from malmoi.autopsy.run import RUNS, VariantFinding
from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.league.run import league
from malmoi.league.table import LeagueLine
from malmoi.progress import SILENT, Reporter

# As recipes/demo.toml, on half the rows.
PROBE = FinetuneConfig(task="nsmc", train_rows=400, epochs=10, evals=4, precision="fp32", device="cpu")


def probe(
    sample: Path,
    out: Path,
    found: Sequence[VariantFinding],
    *,
    config: FinetuneConfig = PROBE,
    reporter: Reporter = SILENT,
) -> dict[str, LeagueLine]:
    """A league on the sample's reviews in `out/probe`: lines by the name of the variant, and one with new
    weights. Variants that failed before their first checkpoint have none."""
    task = config.model_copy(update={"data": sample / "nsmc"})
    runs = {one.bug: out / RUNS / one.bug for one in found if (out / RUNS / one.bug / "checkpoints").is_dir()}
    settings = LeagueConfig(seeds=1, no_pretraining=True, characters=False)
    return {line.row: line for line in league(settings, [task], runs, out / "probe", Context(reporter))}
