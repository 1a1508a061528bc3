"""The same fine-tuning with several seeds, and what they say together: mean ± sample standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from malmoi.artifact.disk import disk_errors, real_place, write_json
from malmoi.artifact.finished import MANIFEST
from malmoi.codes import Code
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.record import SCORES
from malmoi.finetune.run import finetune
from malmoi.finetune.start import Start
from malmoi.json_files import expected_shape, read_object
from malmoi.tasks.data import TaskData
from malmoi.tasks.metrics import METRICS
from malmoi.tasks.resample import mean_and_sd

SUMMARY = "summary.json"


def finetune_seeds(
    config: FinetuneConfig,
    data: TaskData,
    start: Start,
    out: Path,
    context: Context = Context(),
    *,
    seeds: int = 1,
) -> dict[str, Any]:
    """Run seeds `config.seed`, `config.seed + 1`, … into `out/seed-N/`; finished ones are skipped.

    Returns (and writes to `out/summary.json`) mean, sd (n - 1; None for one seed), n and the values of each
    metric on dev and test, and the name of the run that `predict` opens (`best_seed`).
    """
    out = real_place(out)
    ours = ("seed-*", ".seed-*.before")  # a kill may leave only the run that stood aside
    found = list(out.iterdir() if out.is_dir() else [out]) if out.exists() else []
    strange = found and not any(path.match(name) for path in found for name in ours)
    if strange or (out / MANIFEST).exists():
        raise MalmoiError(Code.WOULD_OVERWRITE, out)
    runs = []
    for seed in range(config.seed, config.seed + seeds):
        run = out / f"seed-{seed}"
        one = config.model_copy(update={"seed": seed})
        finetune(one, data, start, run, context)
        runs.append(run)
    summary = summarize(runs)
    with disk_errors(out):
        write_json(out / SUMMARY, summary)
    return summary


def summarize(runs: Sequence[Path]) -> dict[str, Any]:
    """What the scores.json of several seeds say together."""
    scores = [read_object(run / SCORES) for run in runs]
    with expected_shape(runs[0] / SCORES):
        return _summary(runs, scores)


def _summary(runs: Sequence[Path], scores: Sequence[dict[str, Any]]) -> dict[str, Any]:
    first = scores[0]
    best = best_seed([s["dev"] for s in scores], first["metric"])
    names = [name for name in METRICS if name in first["dev"]]
    summary = {
        "task": first["task"],
        "kind": first["kind"],
        "metric": first["metric"],
        "seeds": [s["seed"] for s in scores],
        "best": runs[best].name,
    }
    for split in ("dev", "test"):
        if first[split] is None:
            summary[split] = None
            continue
        summary[split] = {metric: spread([s[split][metric] for s in scores]) for metric in names}
        summary[split]["rows"] = first[split]["n"]
    return summary


def best_seed(dev: Sequence[dict[str, Any]], metric: str) -> int:
    """Of the seeds within one sampling sd of the best dev score, the one with the lowest dev loss."""
    worth = [METRICS[metric].sign * float(found[metric]) for found in dev]
    top = max(range(len(dev)), key=lambda i: worth[i])
    bound = worth[top] - dev[top].get("sampling_sd", 0.0)
    near = [i for i in range(len(dev)) if worth[i] >= bound]
    return min(near, key=lambda i: (dev[i]["loss"], -worth[i]))


def spread(values: Sequence[float]) -> dict[str, Any]:
    mean, sd = mean_and_sd(values)
    return {"mean": mean, "sd": sd, "n": len(values), "values": list(values)}
