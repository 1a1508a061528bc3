"""A task's three splits, read, checked against each other and counted: what finetune learns from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.nearest import did_you_mean
from malmoi.paths import as_stored, can_be_folder, composed, plain_name, shown_name
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.examples import (
    Examples,
    Split,
    keyed_order,
    normal,
    read_examples,
    split_dev,
    tell_blank,
)
from malmoi.tasks.kinds import DEFAULT_KIND, TASK_KINDS, TaskKind
from malmoi.tasks.labels import check_missing, drop_missing
from malmoi.tasks.metrics import METRICS, metrics_of
from malmoi.tasks.suites import TASKS, Task, table_task


@dataclass(frozen=True, slots=True)
class TaskData:
    """Splits of one task. `train` has no blank texts; `dev` and `test` keep theirs.

    `labels` are the classes in the order of the outputs, of a kind of task that has such.
    """

    task: Task
    labels: tuple[str, ...]
    train: Examples
    dev: Examples
    test: Examples | None
    files: dict[Split, Path]
    counts: dict[str, int]

    @property
    def kind(self) -> type[TaskKind]:
        return TASK_KINDS[self.task.kind]

    @property
    def pair(self) -> bool:
        return len(self.task.text) == 2


def task_of(config: TaskConfig) -> Task:
    """The task a config names.

    Raises MM0601 (no such task), MM0611 (neither task nor columns), MM0627 (a kind the task is not of),
    MM0649 (a metric of other answers), MM0805 (a name that no folder can have).
    """
    name = composed(config.name)
    if name and not can_be_folder(name):
        raise MalmoiError(Code.BAD_NAME, section="finetune.name", name=shown_name(name))
    if config.task == "table":
        if not config.text or not config.label or config.train is None:
            raise MalmoiError(Code.NO_TASK, tasks=", ".join(TASKS))
        own = name or plain_name(config.train.stem)
        return _by(config.metric, table_task(own, config.text, config.label, config.kind or DEFAULT_KIND))
    if config.task not in TASKS:
        hint = did_you_mean(config.task, TASKS)
        raise MalmoiError(Code.UNKNOWN_TASK, task=config.task, tasks=", ".join(TASKS), hint=hint)
    task = TASKS[config.task]
    if config.kind not in (None, task.kind):
        raise MalmoiError(Code.WRONG_TASK_KIND, task=task.name, kind=task.kind, given=config.kind)
    return _by(config.metric, replace(task, name=name) if name else task)


def _by(metric: str | None, task: Task) -> Task:
    """The task with another metric. Raises MM0649 where that does not compare what the task answers."""
    if metric is None:
        return task
    answers = TASK_KINDS[task.kind].answers
    if METRICS[metric].of != answers:
        known = ", ".join(metrics_of(answers))
        raise MalmoiError(
            Code.METRIC_DOES_NOT_FIT, "finetune.metric", metric=metric, task=task.name, known=known
        )
    return replace(task, metric=metric)


def task_files(config: TaskConfig, task: Task) -> dict[Split, Path]:
    """The files of each split that exists. Raises MM0602 (not in the folder), MM0611 (no folder given)."""
    own: dict[Split, Path | None] = {"train": config.train, "dev": config.dev, "test": config.test}
    files: dict[Split, Path] = {split: path for split, path in own.items() if path is not None}
    if task.files and config.data is None and "train" not in files:
        raise MalmoiError(Code.NO_TASK, tasks=", ".join(TASKS))
    for split, name in task.files.items():
        if split not in files and config.data is not None:
            files[split] = config.data / name
    files = {split: as_stored(path) for split, path in files.items()}
    for path in files.values():
        if not path.is_file():
            folder = path.parent
            there = ", ".join(sorted(p.name for p in folder.iterdir())[:12]) if folder.is_dir() else "–"
            raise MalmoiError(Code.TASK_FILE_MISSING, path, name=path.name, folder=folder, there=there or "–")
    return files


def read_task(config: TaskConfig, reporter: Reporter = SILENT) -> TaskData:
    """Read and check all splits.

    The held-out split is the same for every seed and every entry of a league. `train_rows` takes the first
    rows of a keyed order, so a smaller choice lies inside a larger one.

    Rows of train without a label are dropped and counted; dev and test must have one in each row.

    Raises MalmoiError: those of `read_examples`, of `task_of` and of the kind's `read_labels` and
    `check_taken`, and MM0602, MM0605 (no labels), MM0612 (too few rows to hold any out).
    """
    task = task_of(config)
    files = task_files(config, task)
    read: dict[Split, Examples] = {}
    with reporter.step(
        "tasks.reading", total=sum(p.stat().st_size for p in files.values()), unit="B"
    ) as step:
        for split, path in files.items():
            read[split] = read_examples(
                path,
                task.text,
                task.label,
                known=task.labels,
                missing=config.missing,
                quoted=task.quoted,
            )
            step.advance(path.stat().st_size, path.name)
    for split, examples in read.items():
        path = examples.path
        reporter.say("tasks.file", split=split, path=path, n=len(examples), encoding=examples.encoding)
    unlabelled = read["train"].labels.count("")
    read["train"] = drop_missing(read["train"], task.label, reporter)
    for examples in read.values():
        check_missing(examples, task.label)
    kind = TASK_KINDS[task.kind]
    read, labels = kind.read_labels(read, task, config.alike_labels, reporter)
    train, test = read["train"], read.get("test")
    counts = overlap_counts(train, read.get("dev"), test)
    if "dev" in read:
        dev = read["dev"]
    else:
        train, dev = split_dev(train, config.dev_share, strata=kind.strata(train))
        if not len(dev):
            raise MalmoiError(Code.TOO_FEW_ROWS_FOR_DEV, train.path, rows=len(train))
    blank = {split: int(examples.blank().sum()) for split, examples in read.items()}
    counts |= {"train_unlabelled": unlabelled} | {f"{split}_blank": n for split, n in blank.items()}
    train = train.take((~train.blank()).nonzero()[0].tolist())
    if not len(train):  # every row with a text was held out
        raise MalmoiError(Code.TOO_FEW_ROWS_FOR_DEV, train.path, rows=len(dev))
    train = limit(train, config.train_rows)
    dev = limit(dev, config.dev_rows)
    test = limit(test, config.test_rows) if test is not None else None
    kind.check_taken(train, (dev, test) if test is not None else (dev,))
    counts |= {"train": len(train), "dev": len(dev), "test": len(test) if test is not None else 0}
    data = TaskData(task, labels, train, dev, test, files, counts)
    _tell(data, {split: len(examples) for split, examples in read.items()}, reporter)
    return data


def limit(examples: Examples, rows: int) -> Examples:
    """At most `rows` examples, by keyed order, kept in file order; 0 = all."""
    if not rows or rows >= len(examples):
        return examples
    return examples.take(sorted(keyed_order(examples.texts, "malmoi rows")[:rows]))


def overlap_counts(train: Examples, dev: Examples | None, test: Examples | None) -> dict[str, int]:
    """Repeated rows of train, its texts with two labels, and how many dev and test rows are also in train.

    Texts are compared after NFC and strip; blank ones are left out.
    """
    seen: dict[str, set[str]] = {}
    repeated = 0
    for text, label in zip(train.texts, train.labels, strict=True):
        key = normal(text)
        if key:
            before = seen.setdefault(key, set())
            repeated += label in before
            before.add(label)
    return {
        "train_repeated": repeated,
        "train_two_labels": sum(len(labels) > 1 for labels in seen.values()),
        "dev_in_train": _shared(dev, seen),
        "test_in_train": _shared(test, seen),
    }


def _shared(examples: Examples | None, seen: Iterable[str]) -> int:
    return 0 if examples is None else sum(normal(text) in seen for text in examples.texts)


def _tell(data: TaskData, rows: Mapping[Split, int], reporter: Reporter) -> None:
    counts = data.counts
    if data.labels:
        reporter.say("tasks.read", name=data.task.name, classes=len(data.labels), **counts)
    else:
        reporter.say("tasks.read_scores", name=data.task.name, **counts)
    for split, path in data.files.items():
        tell_blank(reporter, str(path), counts[f"{split}_blank"], rows[split])
    # A published benchmark is as it is; in one's own files the overlap is a mistake worth a warning.
    shared: tuple[tuple[str, Split], ...] = ((Code.TEST_IN_TRAINING, "test"), (Code.DEV_IN_TRAINING, "dev"))
    for code, split in shared:
        if split not in data.task.files and (n := counts[f"{split}_in_train"]):
            reporter.warn(code, str(data.files[split]), n=n, total=rows[split])
    if data.test is None:
        reporter.warn(Code.NO_TEST_FILE, str(data.train.path))
