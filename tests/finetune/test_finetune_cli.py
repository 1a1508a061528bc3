"""The verbs as typed: finetune, predict and league on a user's own file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from malmoi.cli.main import run

TASK = ["--text", "문장", "--label", "감정", "--set", "finetune.threads=1", "--set", "finetune.lr=2e-3"]
SHORT = ["--set", "finetune.epochs=8", "--set", "finetune.device=cpu", "--set", "finetune.precision=fp32"]


def events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture(scope="module")
def tuned(checkpoint: Path, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("verbs") / "run"
    words = [
        "finetune",
        str(checkpoint),
        "--train",
        str(files / "train.csv"),
        "--test",
        str(files / "test.csv"),
    ]
    assert run([*words, *TASK, *SHORT, "--seeds", "2", "--out", str(out), "--quiet"]) == 0
    return out


def test_finetune_shows_mean_and_sd(
    tuned: Path, checkpoint: Path, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "finetune",
        str(checkpoint),
        "--train",
        str(files / "train.csv"),
        "--test",
        str(files / "test.csv"),
    ]
    assert run([*words, *TASK, *SHORT, "--seeds", "2", "--out", str(tuned), "--json"]) == 0
    seen = events(capsys.readouterr().out)
    assert [e["key"] for e in seen if e["event"] == "message"].count("base.current") == 2
    result = seen[-1]
    assert (result["event"], result["seeds"], result["test"]["rows"]) == ("result", [0, 1], 60)
    assert result["test"]["accuracy"]["mean"] > 0.9
    table = next(e for e in seen if e["event"] == "table")
    assert table["columns"] == ["split", "rows", "seeds", "accuracy", "macro-F1"]
    assert table["rows"][1][:3] == ["test", "60", "2"] and " ± " in table["rows"][1][3]


def test_predict_answers_texts_and_files(
    tuned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(tuned), "나는 역시 정말 재미있다 5", "", "--json"]) == 0
    answers = events(capsys.readouterr().out)[-1]["answers"]
    assert [a["text"] for a in answers] == ["나는 역시 정말 재미있다 5", ""]
    assert answers[0]["label"] == "좋음"
    (tmp_path / "새 글.csv").write_bytes("번호,본문\n1,나는 솔직히 시간이 아깝다 5\n".encode("cp949"))
    out = tmp_path / "답.tsv"
    assert (
        run(
            [
                "predict",
                str(tuned),
                "--file",
                str(tmp_path / "새 글.csv"),
                "--text",
                "본문",
                "--out",
                str(out),
            ]
        )
        == 0
    )
    with out.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [(r["line"], r["label"], r["본문"]) for r in rows] == [
        ("2", "나쁨", "나는 솔직히 시간이 아깝다 5")
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["predict", "RUN"], "MM0622"),
        (["predict", "RUN", "하나", "--file", "a.txt"], "MM0622"),
        (["predict", "RUN", "--file", "a.txt"], "MM0622"),
        (["predict", "RUN", "하나", "--pair", "둘"], "MM0621"),
        (["predict", "RUN", "하나", "--pair", "둘", "--pair", "셋"], "MM0621"),
        (["predict", "NONE", "하나"], "MM0620"),
        (["finetune", "NONE", "--task", "nsmc", "--data", "NONE", "--out", "o"], "MM0616"),
        (["finetune", "STEP", "--task", "nsmc", "--out", "o"], "MM0611"),
        (["finetune", "STEP", "--task", "nsmc", "--data", "NONE", "--out", "o"], "MM0602"),
        (["finetune", "STEP", "--task", "naver", "--data", "NONE", "--out", "o"], "MM0601"),
        (["league", "--checkpoint", "a b=STEP", "--task", "nsmc", "--data", "NONE", "--out", "o"], "MM0704"),
    ],
)
def test_mistakes_end_with_code_2_and_an_error(
    words: list[str],
    code: str,
    tuned: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"RUN": str(tuned), "STEP": str(checkpoint), "NONE": str(tmp_path / "none")}
    assert run([*(places.get(w, w.replace("=STEP", f"={checkpoint}")) for w in words), "--json"]) == 2
    assert events(capsys.readouterr().out)[-1]["code"] == code


def test_league_prints_a_table(
    checkpoint: Path, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["league", "--checkpoint", f"작음={checkpoint}", "--train", str(files / "train.csv")]
    words += ["--test", str(files / "test.csv"), *TASK, *SHORT, "--seeds", "1", "--no-characters"]
    assert run([*words, "--out", str(tmp_path / "league")]) == 0
    shown = capsys.readouterr().out
    assert "작음" in shown and "no-pretraining-1x32" in shown and "characters" not in shown
