"""Fine-tune on one task: a start (pretrained or new weights) and a task's rows in, a run folder out.

The dev rows choose the checkpoint, the test rows are scored once, with the weights that were kept, in fp32:
the test scores in scores.json are those of the answers that `malmoi predict` gives with the model folder
beside them. The dev scores are in the precision of training.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from malmoi.artifact import Manifest, artifact_key, is_current, read_manifest, record_inputs
from malmoi.device import choose_device, keep_freed_memory, use_threads
from malmoi.finetune.answer import model_outputs
from malmoi.finetune.config import FinetuneConfig, check_shape, head_kind, resolve
from malmoi.finetune.goal import goal_of
from malmoi.finetune.record import MODEL, warn_if_constant, write_predictions, write_scores, write_tuned
from malmoi.finetune.start import Start
from malmoi.finetune.train import encode_rows, train
from malmoi.growing import growing_artifact, held
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.data import TaskData
from malmoi.tasks.metrics import AnyScores

STAGE = "finetune"


def finetune(
    config: FinetuneConfig,
    data: TaskData,
    start: Start,
    out: Path,
    *,
    reporter: Reporter = SILENT,
    origins: Mapping[str, str] | None = None,
    verify: bool = False,
    keep_model: bool = True,
) -> Manifest:
    """One run, one seed; nothing is done where `out` holds the finished run of the same inputs and config.

    `out` gets `model/` (opens in transformers and in `malmoi predict`; left out without `keep_model`),
    scores.json, predictions.tsv (line of the test file, gold, predicted, probability), metrics.jsonl and
    manifest.json.
    Raises MalmoiError: MM0006 (another process works in `out`), MM0412 (a head that does not go with the
    encoder), MM0615 (loss is not a number), MM0617 (vocabulary and model do not fit), MM0619 (max_len beyond
    the model's positions), and those of `growing_artifact`.
    """
    shape = start.shape
    check_shape(config, shape)
    config = resolve(config, data.task, rows=len(data.train), shape=shape)
    with held(out):
        inputs = start.inputs(out, verify=verify) | record_inputs(data.files.values(), out, verify=verify)
        digests = start.names(inputs) | {
            split: inputs[str(path)].sha256 for split, path in data.files.items()
        }
        key = artifact_key(STAGE, config, digests)
        if is_current(out, STAGE, key, verify=verify):
            reporter.say("base.current", path=out)
            return read_manifest(out)
        device = choose_device(config.device)
        reporter.say(
            "finetune.start" if start.weights else "finetune.start_fresh",
            path=start.weights,
            task=data.task.name,
            **config.model_dump(include={"seed", "lr", "epochs", "batch_size", "max_len"}),
        )
        threads = torch.get_num_threads()
        gpus = [device] if device.type == "cuda" else []
        with (
            growing_artifact(
                out, STAGE, config, key, inputs=inputs, seed=config.seed, origins=origins
            ) as draft,
            torch.random.fork_rng(gpus),  # the caller's random numbers are not ours to move
        ):
            try:
                use_threads(config.threads)
                keep_freed_memory()
                draft.counts |= _run(config, data, start, out, device, reporter, keep_model)
            finally:
                torch.set_num_threads(threads)
        return read_manifest(out)


def _run(
    config: FinetuneConfig,
    data: TaskData,
    start: Start,
    out: Path,
    device: torch.device,
    reporter: Reporter,
    keep_model: bool,
) -> dict[str, Any]:
    assert config.max_len
    goal = goal_of(data)
    kind = head_kind(config, start.shape)
    model, tokenizer = start.load(
        config.seed,
        config.dropout,
        goal.outputs,
        kind,
        reporter,
        attention_dropout=config.attention_dropout,
        glorot=config.glorot,
    )
    rows = {"train": data.train, "dev": data.dev} | ({"test": data.test} if data.test is not None else {})
    types = start.shape.type_vocab
    encoded = {split: encode_rows(e, goal, tokenizer, config.max_len, types) for split, e in rows.items()}
    lengths = encoded["train"].encoded.lengths
    counts = dict(data.counts) | {
        "train_tokens": int(lengths.sum()),
        "train_unknown_tokens": encoded["train"].encoded.unknown,
        "train_rows_at_max_len": int((lengths == config.max_len).sum()),
    }
    model.to(device)
    best = train(
        model,
        encoded["train"],
        encoded["dev"],
        data.task,
        goal,
        config,
        device=device,
        log=out / "metrics.jsonl",
        reporter=reporter,
    )
    model.load_state_dict(best.weights)
    goal = goal.settle(model)
    test: AnyScores | None = None
    if data.test is not None:
        with reporter.step("finetune.testing", total=len(encoded["test"].gold_N), unit="row") as step:
            outputs_NC = model_outputs(
                model,
                encoded["test"].encoded,
                device=device,
                tokens_per_batch=config.tokens_per_batch,
                step=step,
            )
        answers_NC = goal.answers(outputs_NC)
        test, _ = goal.score(answers_NC, encoded["test"].gold_N)
        write_predictions(out / "predictions.tsv", data.test, answers_NC, data)
    if keep_model:
        write_tuned(out / MODEL, model.cpu(), tokenizer, data, config.max_len)
    dev = best.scores.as_dict() | {"loss": best.loss}
    write_scores(out, data, seed=config.seed, dev=dev, test=test, chosen={"step": best.step})
    warn_if_constant(data, best.scores, test, reporter)
    return counts
