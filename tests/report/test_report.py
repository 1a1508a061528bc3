"""The report of a real tiny run: its numbers are there, its texts are harmless, what is missing is said."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from malmoi import messages
from malmoi.cli.main import run as malmoi
from malmoi.errors import MalmoiError
from malmoi.messages import set_language
from malmoi.report.folder import look
from malmoi.report.scores import answered
from malmoi.report.write import write_report
from tests.report.conftest import HOSTILE

VOID = {"meta", "br", "input", "link", "img", "hr"}


class Tree(HTMLParser):
    """Fails on a tag that is closed and was not open, and keeps what there is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def report(folder: Path, target: Path) -> Tree:
    write_report(folder, target)
    return Tree(target.read_text("utf-8"))


@pytest.fixture(scope="module")
def page(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    set_language("en")
    return report(whole, tmp_path_factory.mktemp("page") / "report.html")


def test_league_numbers_are_those_of_the_table(whole: Path, page: Tree) -> None:
    lines = json.loads((whole / "league" / "table.json").read_text("utf-8"))
    assert {line["row"] for line in lines} >= {"mlm", "electra", "characters"}
    for line in lines:
        assert f"{100 * line['mean']:.2f}" in page.text
        if line["difference"] is not None:
            assert f"{100 * line['difference']:+.2f}".replace("-", "−") in page.text


def test_curves_of_both_objectives_and_the_last_losses(whole: Path, page: Tree) -> None:
    titles = ("Loss", "Generator's loss", "Discriminator's AUC", "Learning rate", "Tokens per second")
    for title in titles:
        assert title in page.text
    assert "knowing word frequencies only" in page.text
    for name, key in (("mlm", "heldout_loss"), ("electra", "heldout_generator_loss")):
        journal = (whole / "pretrain" / name / "metrics.jsonl").read_text("utf-8").splitlines()
        last = [entry for entry in map(json.loads, journal) if key in entry][-1]
        assert f"{last[key]:.3f}" in page.text
    assert "12 / 12" in page.text


def test_settings_with_their_origins_and_versions(page: Tree) -> None:
    assert "tiny.toml:3" in page.text and "--set" in page.text
    for key in ("corpus.heldout", "pretrain.lr", "model.hidden", "league.seeds", "finetune.max_len"):
        assert key in page.text
    assert "torch" in page.text


def test_the_file_is_complete_and_loads_nothing(page: Tree, whole: Path, tmp_path: Path) -> None:
    write_report(whole, tmp_path / "r.html")
    source = (tmp_path / "r.html").read_text("utf-8")
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in source
    assert not page.tags & {"script", "link", "img", "iframe", "object"}
    assert all(address.startswith("#") for address in page.addresses)
    assert re.findall(r"url\(|@import|https?://(?!www\.w3\.org/)", source) == []
    assert len(source) < 400_000


def test_texts_from_data_are_escaped_and_masked(page: Tree, whole: Path, tmp_path: Path) -> None:
    strange = tmp_path / "<b>이상한 이름"
    shutil.copytree(whole, strange)
    found = report(strange, tmp_path / "r.html")
    source = (tmp_path / "r.html").read_text("utf-8")
    assert "<script" not in source and "<b>이상한" not in source
    assert "<b>이상한 이름" in found.text
    (part,) = answered(look(whole))
    made = part.answers
    assert made is not None and made.reason is None
    for row in (*made.right, *made.wrong):
        assert row.text and (row.gold == row.predicted) == (row in made.right)
        assert row.text[0].replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;")[:20] in source
    assert [row.sure for row in made.wrong] == sorted((row.sure for row in made.wrong), reverse=True)


def test_a_hostile_last_row_is_shown_as_it_is(whole: Path) -> None:
    from malmoi.report.samples import _texts

    league = look(whole).league
    assert league is not None
    texts, reason = _texts(next(c for c in league.cells if c.row == "mlm"), {41})
    assert reason is None
    assert texts == {41: (f"{HOSTILE} 끝줄 010-0000-0000",)}


def test_korean_page(whole: Path, tmp_path: Path) -> None:
    set_language("ko")
    found = report(whole, tmp_path / "r.html")
    assert '<html lang="ko">' in (tmp_path / "r.html").read_text("utf-8")
    for word in ("사전학습", "말뭉치", "토크나이저", "점수", "글자 n-그램", "판별기의 AUC"):
        assert word in found.text
    assert "held-out" not in found.text and "word frequencies" not in found.text


def test_every_word_of_the_templates_is_in_the_catalog() -> None:
    folder = Path(messages.__file__).parents[1] / "report"
    source = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.html"))
    keys = set(re.findall(r'\bt\("([\w.]+)"[,)]', source))
    assert len(keys) > 40
    assert keys - set(messages.catalog()) == set()


def test_a_live_run_with_a_torn_last_line(whole: Path, tmp_path: Path) -> None:
    live = tmp_path / "live"
    shutil.copytree(whole / "pretrain" / "mlm", live)
    manifest = json.loads((live / "manifest.json").read_text("utf-8"))
    manifest |= {"state": "running"}
    (live / "manifest.json").write_text(json.dumps(manifest))
    journal = live / "metrics.jsonl"
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:4]) + '{"step": 9, "tok', "utf-8")
    found = report(live, tmp_path / "r.html")
    assert "live" in found.text and "still running" in found.text
    assert "No task has been scored yet" in found.text


def test_a_run_that_has_logged_nothing_yet(whole: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    shutil.copy(whole / "pretrain" / "mlm" / "manifest.json", fresh)
    assert "there is no held-out loss yet" in report(fresh, tmp_path / "r.html").text


@pytest.mark.parametrize("part", ["corpus", "tokenizer", "shards", "league", "pretrain/electra"])
def test_one_artifact_alone(whole: Path, tmp_path: Path, part: str) -> None:
    assert report(whole / part, tmp_path / "r.html").text


def test_a_single_fine_tuning_run(whole: Path, tmp_path: Path) -> None:
    cell = whole / "league" / "cells" / "mlm" / "train" / "seed-0"
    scores = json.loads((cell / "scores.json").read_text("utf-8"))["test"]
    found = report(cell, tmp_path / "r.html")
    assert f"{100 * scores['accuracy']:.2f}" in found.text
    for row in scores["confusion"]:
        assert all(str(count) in found.text for count in row)


def test_alarms_are_told_with_their_sentence(whole: Path, tmp_path: Path) -> None:
    rung = tmp_path / "rung"
    shutil.copytree(whole / "pretrain" / "electra", rung)
    values = {"auc": "0.510", "loss": "0.401", "base": "0.402"}
    with (rung / "metrics.jsonl").open("a", encoding="utf-8") as stream:
        for step in (5, 9):
            alarm = {"step": step, "tokens": step, "alarm": "MM0521", "values": values}
            stream.write(json.dumps(alarm) + "\n")
        stream.write('{"step": 9, "tokens": 9, "alarm": "MM9999", "values": {"future": 1}}\n')
    found = report(rung, tmp_path / "r.html")
    assert f"alarm MM0521: {MalmoiError('MM0521', step=5, **values).what}" in found.text
    assert found.text.count("alarm MM0521") == 1
    assert "alarm MM9999 (step 9)" in found.text and "future 1" in found.text


def test_a_test_file_that_changed_or_went(whole: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    cell = tmp_path / "cell"
    shutil.copytree(whole / "league" / "cells" / "mlm" / "train" / "seed-0", cell)
    for name in ("train.csv", "test.csv"):
        shutil.copy(whole.parent / name, raw)
    moved = (cell / "manifest.json").read_text("utf-8").replace(str(whole.parent), str(raw))
    (cell / "manifest.json").write_text(moved, "utf-8")
    assert "has changed since" not in report(cell, tmp_path / "r.html").text
    with (raw / "test.csv").open("a", encoding="utf-8") as stream:
        stream.write("\n새 줄,가")
    assert "has changed since" in report(cell, tmp_path / "r.html").text
    (raw / "test.csv").unlink()
    assert "is not where it was" in report(cell, tmp_path / "r.html").text


@pytest.mark.parametrize(
    ("file", "content", "where"),
    [
        ("pretrain/mlm/metrics.jsonl", '{"step": 1\n{"step": 2, "tokens": 9}\n', "metrics.jsonl:1"),
        ("league/table.json", "[{", "table.json"),
        ("league/curve.json", '{"a": 1}', "curve.json"),
        ("corpus/audit.json", "", "audit.json"),
    ],
)
def test_a_damaged_file_is_named(whole: Path, tmp_path: Path, file: str, content: str, where: str) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    (out / file).write_text(content, "utf-8")
    with pytest.raises(MalmoiError) as raised:
        write_report(out, tmp_path / "r.html")
    assert raised.value.code == "MM1002" and str(raised.value.where).endswith(where)
    assert not (tmp_path / "r.html").exists()


def test_a_folder_of_something_else(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match="MM1001"):
        write_report(tmp_path, tmp_path / "r.html")
    other = tmp_path / "documents"
    shutil.copytree(whole / "shards", other)
    manifest = json.loads((other / "manifest.json").read_text("utf-8"))
    (other / "manifest.json").write_text(json.dumps(manifest | {"stage": "documents"}), "utf-8")
    with pytest.raises(MalmoiError, match=r"MM1001.*nothing here to report on"):
        write_report(other, tmp_path / "r.html")


def test_the_verb_writes_beside_the_run(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(whole / "pretrain" / "mlm", out)
    assert malmoi(["report", str(out), "--lang", "en"]) == 0
    assert (out / "report.html").exists()
    assert f"report: {out / 'report.html'}" in capsys.readouterr().out
    assert malmoi(["report", str(out), "--out", str(tmp_path), "--lang", "en"]) == 0
    assert (tmp_path / "report.html").exists()
    assert malmoi(["report", str(tmp_path / "none"), "--lang", "en"]) == 2


def test_what_malmoi_finetune_writes_is_reported(whole: Path, tmp_path: Path) -> None:
    """OUT/seed-0, OUT/seed-1 and no manifest above them."""
    cells = sorted((whole / "league" / "cells" / "mlm").glob("*/seed-*"))
    for cell in cells:
        shutil.copytree(cell, tmp_path / "mood" / cell.name)
    write_report(tmp_path / "mood", tmp_path / "r.html")
    assert [cell.seed for cell in look(tmp_path / "mood").tuned] == [0, 1]
    assert (tmp_path / "r.html").stat().st_size > 10_000
