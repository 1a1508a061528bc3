"""How `predict` is asked: one text or many, from Python, from files of every kind, through a pipe."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from malmoi import load, messages
from malmoi.cli.main import run
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.predict.file import answer_file, one_line
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task

GOOD, BAD = "나는 정말 재미있다", "나는 시간이 아깝다"


@pytest.fixture(scope="module")
def tuned(config: FinetuneConfig, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("asking") / "run"
    finetune(config, read_task(config), pretrained(checkpoint), out)
    return out


@pytest.fixture(scope="module")
def predictor(tuned: Path) -> Predictor:
    return Predictor.open(tuned)


def answered(path: Path) -> list[dict[str, str]]:
    lines = path.read_text("utf-8").split("\n")
    assert lines.pop() == ""
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"), newline=""), delimiter="\t"))
    assert len(rows) == len(lines) - 1  # one line a row, whatever is in a text
    return rows


def test_one_text_gets_one_answer(tuned: Path) -> None:
    model = load(tuned)
    assert model.predict(GOOD) == model.predict([GOOD])[0]
    assert model.predict(GOOD).label == "좋음"
    assert [a.label for a in model.predict(text for text in (GOOD, BAD))] == ["좋음", "나쁨"]
    assert [a.label for a in model.predict([[GOOD], [BAD]])] == ["좋음", "나쁨"]  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("texts", "code", "where", "says"),
    [
        ([None], "MM0642", "texts[0]", "this is not a text but NoneType."),
        ([GOOD, 1], "MM0642", "texts[1]", "this is not a text but int."),
        ([float("nan")], "MM0642", "texts[0]", "float"),
        ([b"abc"], "MM0642", "texts[0]", "bytes"),
        ([GOOD, (BAD, None)], "MM0642", "texts[1][1]", "NoneType"),
        ([{"text": GOOD}], "MM0642", "texts[0]", "dict"),
        ({"text": GOOD}, "MM0642", "texts", "dict"),
        (b"abc", "MM0642", "texts", "bytes"),
        (None, "MM0642", "texts", "NoneType"),
        (3, "MM0642", "texts", "int"),
        ([GOOD, (GOOD, BAD)], "MM0621", "texts[1]", "takes 1 text(s) at a time, and it was given 2."),
        ([GOOD, ()], "MM0621", "texts[1]", "given 0."),
    ],
)
def test_what_is_no_text_is_named_by_its_place(
    texts: Any, code: str, where: str, says: str, predictor: Predictor
) -> None:
    with pytest.raises(MalmoiError) as caught:
        predictor.predict(texts)
    assert (caught.value.code, caught.value.where) == (code, where)
    assert says in caught.value.what


def test_half_a_character_is_answered(predictor: Predictor) -> None:
    assert predictor.predict("나는 \ud83d 정말 재미있다").label in ("좋음", "나쁨")


def test_every_row_has_one_line(predictor: Predictor, tmp_path: Path) -> None:
    texts = ["첫 줄\n둘째 줄", "앞\r\n뒤", "C:\\new", '따옴표 "하나", 쉼표', "탭\t하나"]
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["문장"], *([text] for text in texts)])
    answer_file(predictor, tmp_path / "a.csv", tmp_path / "b.tsv")
    found = [row["문장"] for row in answered(tmp_path / "b.tsv")]
    assert found == ["첫 줄\\n둘째 줄", "앞\\n뒤", "C:\\\\new", '따옴표 "하나", 쉼표', "탭\t하나"]
    assert one_line("가\r나").encode().decode("unicode_escape").encode("latin-1").decode() == "가\r나"


def test_jsonl_and_tables_without_a_header(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({unicodedata.normalize("NFD", "문장"): text}) + "\n" for text in (GOOD, BAD)),
        "utf-8",
    )
    answer_file(predictor, tmp_path / "a.jsonl", tmp_path / "b.tsv")
    assert [row["label"] for row in answered(tmp_path / "b.tsv")] == ["좋음", "나쁨"]
    (tmp_path / "a.csv").write_text(f"1,{GOOD}\n2,{BAD}\n", "utf-8")
    answer_file(predictor, tmp_path / "a.csv", tmp_path / "b.tsv", columns=["#2"])
    assert [(row["line"], row["label"]) for row in answered(tmp_path / "b.tsv")] == [
        ("1", "좋음"),
        ("2", "나쁨"),
    ]


def test_a_txt_that_is_a_table_of_the_trained_columns(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"번호\t문장\n1\t{GOOD}\n", "utf-8")
    answer_file(predictor, tmp_path / "a.txt", tmp_path / "b.tsv")
    assert [row["문장"] for row in answered(tmp_path / "b.tsv")] == [GOOD]


class Pipe(io.RawIOBase):
    """Bytes that come once, in pieces, and cannot be sought."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._pieces.pop(0) if self._pieces else b""
        buffer[: len(piece)] = piece
        return len(piece)


def pipe(monkeypatch: pytest.MonkeyPatch, *texts: str) -> None:
    source = io.TextIOWrapper(io.BufferedReader(Pipe([text.encode() for text in texts])))
    monkeypatch.setattr(sys, "stdin", source)


def test_texts_come_through_a_pipe(
    tuned: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, f"{GOOD}\n\n", BAD)
    assert run(["predict", str(tuned), "--file", "-"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "line\tlabel\tprobability\ttext"
    assert [line.split("\t")[0::3] for line in lines[1:]] == [["1", GOOD], ["2", ""], ["3", BAD]]
    pipe(monkeypatch, "번호,본문\n1,", f"{GOOD}\n")
    words = ["predict", str(tuned), "--file", "-", "--text", "본문", "--out", str(tmp_path / "a.tsv")]
    assert run(words) == 0
    assert [row["label"] for row in answered(tmp_path / "a.tsv")] == ["좋음"]
    pipe(monkeypatch, "번호,본문\n1,가,나\n")
    assert run(words) == 2
    assert "MM0610 -:2: " in capfd.readouterr().err
    pipe(monkeypatch, "번호,본문\n1,\n")
    assert run(words) == 0
    assert "MM0640 -: " in capfd.readouterr().err


MISTAKES = {
    "MM0603": ["RUN", "--file", "other.csv", "--out", "o.tsv"],
    "MM0604": ["RUN", "--file", "empty.csv", "--out", "o.tsv"],
    "MM0608": ["RUN", "--file", "none.csv", "--out", "o.tsv"],
    "MM0610": ["RUN", "--file", "torn.csv", "--out", "o.tsv"],
    "MM0620": ["STEP", "문장"],
    "MM0621": ["RUN", "하나", "--pair", "둘"],
    "MM0622": ["RUN"],
    "MM0630": ["RUN", "--file", "joined.csv", "--out", "o.tsv"],
    "MM0631": ["RUN", "--file", "twice.csv", "--out", "o.tsv"],
    "MM0632": ["RUN", "--file", "nested.json", "--out", "o.tsv"],
    "MM0647": ["RUN", "--file", "torn.json", "--out", "o.tsv"],
}
FILES = {
    "other.csv": "번호,본문\n1,재미있다\n",
    "empty.csv": "문장\n",
    "torn.csv": "문장\n재미,있다\n",
    "joined.csv": "문장,번호\n재미,1\n문장,번호\n",
    "twice.csv": "문장,문장\n재미,1\n",
    "nested.json": '{"data": [{"문장": "재미"}]}',
    "torn.json": '[{"문장": "재미"}',
}


@pytest.mark.parametrize("code", MISTAKES)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_errors_of_predict_speak_of_predict(
    code: str,
    language: str,
    tuned: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        Path(name).write_text(text, "utf-8")
    words = [{"RUN": str(tuned), "STEP": str(checkpoint)}.get(word, word) for word in MISTAKES[code]]
    assert run(["--lang", language, "predict", *words]) == 2
    said = capsys.readouterr().err
    messages.set_language("en")
    assert code in said
    assert "--train" not in said and "--label" not in said


def test_the_advice_of_predict_works_as_printed(
    tuned: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("새 글.csv").write_text(f"본 문,번호\n{GOOD},1\n", "utf-8")
    model = Predictor.open(tuned)
    with pytest.raises(MalmoiError) as caught:
        answer_file(model, Path("새 글.csv"), Path("o.tsv"))
    advised = shlex.split(caught.value.do.partition(": ")[2].partition(" (")[0])
    assert advised == ["--text", "본 문"]
    assert run(["predict", str(tuned), "--file", "새 글.csv", *advised, "--out", "o.tsv"]) == 0
    assert [row["label"] for row in answered(Path("o.tsv"))] == ["좋음"]
    with pytest.raises(MalmoiError) as caught:
        Predictor.open(checkpoint)
    assert f"malmoi finetune {checkpoint} " in caught.value.do


def test_paths_are_found_however_hangul_is_spelt(tuned: Path, tmp_path: Path) -> None:
    stored = tmp_path / unicodedata.normalize("NFD", "결과") / unicodedata.normalize("NFD", "새 글.txt")
    stored.parent.mkdir()
    stored.write_text(f"{GOOD}\n", "utf-8")
    (stored.parent / "실행").symlink_to(tuned)
    typed = tmp_path / "결과"
    words = [
        "predict",
        str(typed / "실행"),
        "--file",
        str(typed / "새 글.txt"),
        "--out",
        str(tmp_path / "a.tsv"),
    ]
    assert run(words) == 0
    assert [row["text"] for row in answered(tmp_path / "a.tsv")] == [GOOD]
