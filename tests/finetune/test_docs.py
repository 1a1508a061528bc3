"""The pages on finetune and predict: their commands run, their task can be added, both languages agree."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from malmoi.cli.main import run
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task
from malmoi.tasks.suites import TASKS
from tests.tiny.labelled import QUICK, reviews

DOCS = Path(__file__).resolve().parents[2] / "docs"
# The only thing added to what the reader is told to type: a smaller run.
SMALLER = " ".join(
    f"--set finetune.{setting}"
    for setting in ("epochs=1", "evals=1", "threads=1", "precision=fp32", "device=cpu", "dev_share=0.3")
)


def commands(page: str) -> list[str]:
    block = re.search(r"^```\n(malmoi.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    assert block
    return block[1].replace("\\\n", "").strip().splitlines()


def python(page: str) -> str:
    block = re.search(r"^```python\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    assert block
    return block[1]


def without_comments(source: str) -> str:
    return re.sub(r"  # .*", "", source)


@pytest.fixture(scope="module")
def place(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where everything the pages name is there."""
    folder = tmp_path_factory.mktemp("place")
    step = folder / "runs" / "wiki" / "pretrain" / "checkpoints" / "step-1"
    shutil.copytree(checkpoint, step)
    (step / "checkpoint.json").write_text("{}")
    rows = [line.split(",") for line in reviews(60).splitlines()[1:]]
    nsmc = "id\tdocument\tlabel\n" + "".join(
        f"{i}\t{text}\t{int(label == '좋음')}\n" for i, (text, label) in enumerate(rows)
    )
    pairs = "question1\tquestion2\tis_duplicate\n" + "".join(
        f"{text}\t{text}\t{i % 2}\n" for i, (text, _) in enumerate(rows)
    )
    korsts = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n" + "".join(
        f"g\tf\t2012\t{i}\t{i % 11 / 2:.3f}\t{text}\t{text}\n" for i, (text, _) in enumerate(rows)
    )
    files = {"nsmc/ratings_train.txt": nsmc, "nsmc/ratings_test.txt": nsmc}
    files |= {f"korsts/sts-{split}.tsv": korsts for split in ("train", "dev", "test")}
    files |= {f"{split}.tsv": pairs for split in ("train", "dev", "test")}
    files |= {"reviews.csv": reviews(60), "new.csv": reviews(4), "texts.txt": "재미있다\n\n아깝다\n"}
    files["stars.csv"] = "문장,별점\n" + "".join(f"{t},{i % 9 / 2}\n" for i, (t, _) in enumerate(rows))
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def test_the_commands_run_as_written(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert len(commands("finetune.md")) == 6 and len(commands("predict.md")) == 5
    for command in [*commands("finetune.md"), *commands("predict.md")]:
        words = shlex.split(command.removeprefix("malmoi "))
        smaller = shlex.split(SMALLER) if words[0] == "finetune" else []
        assert run([*words, *smaller]) == 0, (command, capsys.readouterr().err)
    assert (place / "runs" / "nsmc" / "seed-2" / "scores.json").exists()
    summary = json.loads((place / "runs" / "korsts" / "summary.json").read_text("utf-8"))
    assert (summary["metric"], summary["test"]["rows"]) == ("spearman", 60)


@pytest.mark.parametrize("page", ["finetune.md", "predict.md"])
def test_both_languages_show_the_same(page: str) -> None:
    assert commands(page) == commands(f"ko/{page}")
    assert without_comments(python(page)) == without_comments(python(f"ko/{page}"))


@pytest.fixture
def as_before() -> Iterator[None]:
    before = dict(TASKS)
    yield
    TASKS.clear()
    TASKS.update(before)


@pytest.mark.parametrize("page", ["finetune.md", "ko/finetune.md"])
def test_a_task_is_added_as_the_page_says(
    page: str, as_before: None, checkpoint: Path, tmp_path: Path
) -> None:
    exec(compile(python(page), page, "exec"), {})
    labels = ("none", "offensive", "hate")
    for name, count in (("train.tsv", 90), ("dev.tsv", 30)):
        rows = [f"나는 {'재미있다' * (i % 3)} {i}\tFalse\tnone\t{labels[i % 3]}" for i in range(count)]
        head = "comments\tcontain_gender_bias\tbias\thate"
        (tmp_path / name).write_text("\n".join([head, *rows]) + "\n", "utf-8")
    config = FinetuneConfig(task="hate_speech", data=tmp_path, **QUICK)
    data = read_task(config)
    assert (data.labels, len(data.test or []), len(data.dev)) == (labels, 30, 9)
    finetune(config, data, pretrained(checkpoint), tmp_path / "run")
    assert Predictor.open(tmp_path / "run").predict(["나는 재미있다"])[0].label in labels


def test_the_added_task_reads_the_published_files(as_before: None, shared_data: Path) -> None:
    exec(compile(python("finetune.md"), "finetune.md", "exec"), {})
    folder = shared_data / "tasks" / "korean_hate_speech" / "labeled"
    data = read_task(FinetuneConfig(task="hate_speech", data=folder))
    assert len(data.train) + len(data.dev) == 7896 and len(data.test or []) == 471
