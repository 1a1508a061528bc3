"""`pretrain`: opens or resumes a run folder, trains, and leaves a finished one.

A run folder is a live artifact: `manifest.json` (state running → finished), `checkpoints/step-N/`,
`metrics.jsonl`, and the table of rows. The same command resumes it; asking for more steps extends it.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from malmoi.artifact.disk import disk_errors, real_place, write_json
from malmoi.artifact.finished import (
    MANIFEST,
    Manifest,
    artifact_key,
    is_free,
    read_manifest,
    record_file,
    running_manifest,
    warn_versions,
)
from malmoi.artifact.live import live_artifact, locked_output
from malmoi.codes import Code
from malmoi.config import dotted, identity
from malmoi.context import Context
from malmoi.errors import Interrupted, MalmoiError
from malmoi.json_files import expected_shape
from malmoi.model.sizes import ModelConfig, parameters
from malmoi.pretrain.build import Setup, build, prepare
from malmoi.pretrain.checkpoint import FOLDER, fault, milestone_steps, recorded_milestones
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.counts import PretrainCounts
from malmoi.pretrain.init.from_checkpoint import open_init, shape_of, told
from malmoi.pretrain.monitor.journal import Journal, read_journal
from malmoi.pretrain.objectives.protocol import Objective
from malmoi.shards.format import Shards, check_tokenizer
from malmoi.training.signals import StopRequest

STAGE = "pretrain"


def pretrain(
    config: PretrainConfig,
    model: ModelConfig,
    shards: Path,
    out: Path,
    context: Context = Context(),
    *,
    objective: type[Objective[Any]] | None = None,
) -> Manifest:
    """Train until `config.steps`, from the newest whole checkpoint in `out` if there is one.

    `objective` takes the place of the class that the settings name; it does not enter the run's key.

    Raises MM0505 (`out` is another run), MM0509 (non-finite loss), those of `prepare` and `build` (what does
    not go together) and of reading shards and an `init`, and Interrupted after a signal, when everything is
    saved.
    """
    out = real_place(out)
    init = open_init(config.init, config.objective.name, out, verify=context.verify) if config.init else None
    model = shape_of(init, model, config.objective.name) if init else model
    run = RunConfig(pretrain=config, model=model)
    opened = Shards.open(shards, verify=context.verify)
    check_tokenizer(opened, opened.tokenizer_folder)
    key = artifact_key(STAGE, run, {"shards": opened.digest} | (init.digests if init else {}))
    before = _existing(out, run, key)
    if before:
        warn_versions(out, before, context.reporter)
    if before and before.state == "finished" and _is_whole(out, before, config.steps):
        enough = before.counts["step"] == config.steps
        context.reporter.say(
            "base.current" if enough else "pretrain.beyond", path=out, step=before.counts["step"]
        )
        return before
    setup = prepare(run, opened, out, init, context.reporter, objective)
    if before and before.counts.get("precision", setup.precision) != setup.precision:
        differs = f"precision ({before.counts['precision']} ≠ {setup.precision})"
        raise MalmoiError(Code.ANOTHER_RUN_HERE, out, differs=differs)
    # More steps extend a run, and those it has passed already stay milestones.
    milestones = milestone_steps(config.steps, config.milestones) | recorded_milestones(before)
    counts = _counts(setup, shards, milestones, before).as_json()
    inputs = {str(shards / MANIFEST): record_file(shards / MANIFEST)} | (init.files if init else {})
    about: dict[str, Any] = {"inputs": inputs, "origins": context.origins, "seed": config.seed}
    with disk_errors(out), locked_output(out), StopRequest() as stop:
        if before is None:  # whose the folder is must be known before anything else lies in it
            first = running_manifest(STAGE, run, key, **about)
            write_json(out / MANIFEST, first.model_copy(update={"counts": counts}).model_dump())
        trainer = build(setup, out, milestones, context.reporter, stop)
        # Only now: nothing can be refused any more.
        with live_artifact(out, STAGE, run, key, **about, counts=counts, keep=True, recorded=False) as draft:
            with closing(Journal(out, trainer.state.step)) as journal:
                trainer.train(journal)
            if stop.number is not None and trainer.state.step < config.steps:
                raise Interrupted(stop.exit_code)
            draft.counts |= {"step": trainer.state.step, "tokens": trainer.state.tokens} | _last(out)
        if stop.number is not None:  # it came during the last step: done, but whoever asked wants us to end
            raise Interrupted(stop.exit_code)
    return read_manifest(out, STAGE)


def _counts(
    setup: Setup, shards: Path, milestones: frozenset[int], before: Manifest | None
) -> PretrainCounts:
    """What the manifest says about a run from its first step on."""
    run, opened = setup.run, setup.shards
    kept = setup.kind.shapes(run, opened.special, opened.vocab_size)[0]
    init = told(setup.start[1]) if setup.start else before.counts.get("init") if before else None
    return PretrainCounts(
        shards=str(shards),
        objective=run.pretrain.objective.name,
        parameters=parameters(kept),
        precision=setup.precision,
        milestones=tuple(sorted(milestones)),
        **({"init": init} if init else {}),
    )


def _is_whole(out: Path, manifest: Manifest, steps: int) -> bool:
    """Whether a finished run has gone far enough and still has its last checkpoint, unharmed."""
    reached = int(manifest.counts["step"])
    return reached >= steps and fault(out / FOLDER / f"step-{reached}") is None


def _existing(out: Path, run: RunConfig, key: str) -> Manifest | None:
    if is_free(out):
        return None
    manifest = read_manifest(out, STAGE)
    with expected_shape(out / MANIFEST):  # it may be another version's
        before = dict(dotted(identity(RunConfig.model_validate(manifest.config))))
        recorded_milestones(manifest)
        if manifest.state == "finished":
            int(manifest.counts["step"])
    if manifest.key != key:
        now, recorded = dict(dotted(identity(run))), dict(dotted(manifest.config))
        odd = [key for key in now if now[key] != before.get(key)]
        # A run of a version that did not know a setting was trained without it, whatever its default is now.
        odd = odd or [key for key in now if key not in recorded]
        init = manifest.config["pretrain"].get("init") or run.pretrain.init
        rest = "shards / pretrain.init" if init else "shards"
        raise MalmoiError(Code.ANOTHER_RUN_HERE, out, differs=", ".join(odd) or rest)
    return manifest


def _last(out: Path) -> dict[str, Any]:
    """The last metrics of the journal and the alarms in it, for the manifest."""
    found: dict[str, Any] = {}
    alarms: list[str] = []
    for entry in read_journal(out):
        found |= {k: v for k, v in entry.items() if k not in ("step", "tokens", "clock", "alarm", "values")}
        alarms += [entry["alarm"]] if "alarm" in entry else []
    return found | {"alarms": alarms}
