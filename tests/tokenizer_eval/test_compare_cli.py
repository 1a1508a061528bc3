"""`malmoi tokenizer compare` from files to table, JSON and page; the reading follows from the numbers."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from malmoi import messages
from malmoi.analyzers import open_analyzer
from malmoi.cli.main import run
from malmoi.messages import set_language
from malmoi.report.tokenizer_reading import findings, headline
from malmoi.report.tokenizer_table import MEASURES, rows
from malmoi.report.tokenizers import cells, write_comparison
from malmoi.tokenizer_eval.boundaries import reference
from malmoi.tokenizer_eval.cuts import lay_out
from malmoi.tokenizer_eval.examples import show
from malmoi.tokenizer_eval.run import TokenizerComparison, compare_tokenizers
from tests.tiny.korean import TEXT
from tests.tiny.pieces import learned
from tests.tiny.tokenizers import PARTS, WHOLE

CONTEXT = "할머니가 마당에서 고추를 말렸다."


@pytest.fixture(scope="module")
def files(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("text")
    (folder / "글.txt").write_text(
        TEXT + "\n\n<script>alert('몰래')</script> 마당에서 고추를 말렸다.", "cp949"
    )
    answer = {"text": "고추", "answer_start": CONTEXT.index("고추")}
    asked = {"id": "1", "question": "무엇을 말렸나?", "answers": [answer]}
    qa = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": [asked]}]}]}
    (folder / "qa.json").write_text(json.dumps(qa, ensure_ascii=False), "utf-8")
    return {name: saved / name for name in ("whole", "parts")} | {
        "text": folder / "글.txt",
        "qa": folder / "qa.json",
    }


@pytest.fixture(scope="module")
def found(files: dict[str, Path]) -> TokenizerComparison:
    return compare_tokenizers(
        [files["whole"], files["parts"]], files["text"], qa=files["qa"], analyzer="mecab"
    )


def test_the_numbers_of_both(found: TokenizerComparison) -> None:
    whole, parts = found.contenders
    assert (whole.name, parts.name, whole.kind) == ("whole", "parts", "wordpiece")
    assert found.eojeols == len(TEXT.split()) + 4
    assert whole.measures.unk_eojeol_percent > 50  # nine entries
    assert whole.ceiling is not None and parts.ceiling is not None
    assert (whole.ceiling.em, parts.ceiling.em) == (0.0, 100.0)
    assert (found.ceilings["eojeol"].em, found.ceilings["mecab"].em) == (0.0, 100.0)
    assert whole.boundaries is not None and parts.boundaries is not None
    assert parts.boundaries.recall > whole.boundaries.recall
    assert whole.speed > 0 and parts.speed > 0


def test_boundaries_of_a_real_analyzer() -> None:
    lines = ["동생이 빵을 먹었다.", "", "ㅋㅋ 우물가에서"]
    layout = lay_out(lines)
    joined = "\n".join(lines)
    for name in ("mecab", "kiwi"):
        begins = reference(open_analyzer(name), lines, layout).nonzero()[0].tolist()
        cut = "".join(f"|{c}" if i in begins else c for i, c in enumerate(joined))
        assert cut.startswith("동생|이 빵|을 먹|었|다|."), name
        assert "\n\n" in cut and "|\n" not in cut


def test_table_in_80_columns_and_json(
    files: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = ["tokenizer", "compare", str(files["whole"]), str(files["parts"])]
    words += ["--corpus", str(files["text"]), "--qa", str(files["qa"]), "--analyzer", "mecab"]
    page = tmp_path / "page.html"
    assert run([*words, "--lang", "ko", "--out", str(page)]) == 0
    shown = capsys.readouterr().out
    wide = [sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in shown.splitlines()]
    table = [n for n, line in zip(wide, shown.splitlines(), strict=True) if line[:1] in "┏┃┡│└"]
    assert len(table) > 25 and max(table) <= 80
    assert "정답 상한 EM" in shown and "100.00*" in shown and page.is_file()
    assert run([*words, "--json", "--lang", "en"]) == 0
    (result,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"result"' in line]
    assert [c["name"] for c in result["contenders"]] == ["whole", "parts"]
    assert result["contenders"][1]["ceiling"]["em"] == 100.0
    assert "parts suits questions" in " ".join(result["findings"])


def test_mistakes_end_in_a_code_and_no_traceback(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "빈.txt").write_text("", "utf-8")
    base = ["tokenizer", "compare", str(files["whole"]), "--analyzer", "none"]
    for words, code in (
        ([*base, "--corpus", str(tmp_path / "빈.txt")], "MM0250"),
        ([*base, "--corpus", str(tmp_path / "없음")], "MM0101"),
        ([*base, "--corpus", str(files["text"]), "--qa", str(tmp_path / "없음.json")], "MM0251"),
        ([*base, "--corpus", str(files["text"]), "--qa", str(files["text"])], "MM0252"),
        ([*base, str(tmp_path / "없음"), "--corpus", str(files["text"])], "MM0201"),
        ([*base[:-1], "hanja", "--corpus", str(files["text"])], "MM0221"),
        ([*base, str(files["whole"]), "--corpus", str(files["text"])], "MM0255"),
    ):
        assert run(words) == 2
        error = capsys.readouterr().err
        assert code in error and "→" in error and "Traceback" not in error


def test_the_reading_follows_the_numbers(found: TokenizerComparison) -> None:
    said = [saying.text for saying in findings(found)]
    assert any(line.startswith("parts cuts inside words most like morphemes") for line in said)
    assert "parts suits questions whose answers are cut out of the text: ceiling EM 100.0." in said
    assert headline(found).text == "With whole no model can score more than EM 0.0 on these questions."
    assert any(line.startswith("Eojeols with an [UNK]") and "whole" in line for line in said)
    alike = replace(found, contenders=[found.contenders[1]])
    assert {saying.tone for saying in findings(alike)} <= {"warn"}  # nothing to choose between


def test_the_cheapest_is_not_the_one_that_loses_text(found: TokenizerComparison) -> None:
    whole, parts = found.contenders
    good = replace(parts, measures=replace(parts.measures, unk_eojeol_percent=0.2, tokens_per_eojeol=1.9))
    lossy = replace(whole, measures=replace(whole.measures, unk_eojeol_percent=60.0, tokens_per_eojeol=1.1))
    costly = replace(
        parts, name="bytes", measures=replace(parts.measures, unk_eojeol_percent=0.0, tokens_per_eojeol=3.8)
    )
    said = findings(replace(found, contenders=[lossy, good, costly]))
    shortest = "parts cuts shortest: 1.90 tokens per eojeol, 50 % fewer than bytes."
    left_out = (
        "Left out because more than 1 % of their eojeols contain an [UNK]: they are shorter, but lose text:"
    )
    assert said[0].text == f"{shortest} {left_out} whole 1.10."
    set_language("ko")
    korean = findings(replace(found, contenders=[lossy, good, costly]))[0].text
    assert "1 %를 넘는 토크나이저는 빼고" in korean and korean.endswith("whole 1.10.")
    set_language("en")
    long = replace(lossy, measures=replace(lossy.measures, tokens_per_eojeol=2.0))
    assert findings(replace(found, contenders=[long, good, costly]))[0].text == shortest


def test_of_many_the_least_and_the_most_are_named(found: TokenizerComparison) -> None:
    whole = found.contenders[0]
    assert whole.ceiling is not None
    many = [
        replace(whole, name=f"t{i}", ceiling=replace(whole.ceiling, em=50.0 + i), speed=1.0) for i in range(5)
    ]
    said = {saying.text: saying.detail for saying in findings(replace(found, contenders=many))}
    worst = "With t0 no model can score more than EM 50.0 on these questions."
    assert said[worst].endswith("Others below 90: t1 51.0, t2 52.0, t3 53.0, t4 54.0.")
    (unknown,) = [line for line in said if line.startswith("Eojeols with an [UNK]")]
    share = f"{whole.measures.unk_eojeol_percent:.1f}"
    assert unknown.endswith(f"t0 {share} % … t4 {share} %.")


def test_stars_mark_the_best_and_no_ties(found: TokenizerComparison) -> None:
    table = {row.name: row.cells for row in rows(found)}
    assert table["answer ceiling EM"] == [("0.00", False), ("100.00", True)]
    assert table["answers not cut out"] == [("0", False), ("0", False)]
    assert [best for _, best in table["vocabulary"]] == [False, False]
    assert len(table) == len(MEASURES)
    bare = replace(found, contenders=[replace(c, boundaries=None, ceiling=None) for c in found.contenders])
    assert len(rows(bare)) == len(MEASURES) - 3 - 5


class Page(HTMLParser):
    """What a browser would load, and whether tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{k}={v}" for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_page_is_whole_and_loads_nothing(
    found: TokenizerComparison, tmp_path: Path, language: str
) -> None:
    messages.set_language(language)
    write_comparison(found, tmp_path)
    html = (tmp_path / "compare.html").read_text("utf-8")
    page = Page()
    page.feed(html)
    assert page.open == [] and page.loads == []
    assert page.tags.count("svg") == 2 and "script" not in page.tags
    assert 'name="viewport"' in html and f'<html lang="{language}">' in html
    assert html.count('class="cut"') == 2 * len(found.examples) > 0
    assert 'class="num best">100.00' in html


def test_the_page_is_written_without_analyzer_and_answers(found: TokenizerComparison, tmp_path: Path) -> None:
    bare: dict[str, Any] = {"boundaries": None, "ceiling": None}
    contenders = [replace(c, **bare) for c in found.contenders]
    write_comparison(replace(found, contenders=contenders, ceilings={}, analyzer=None), tmp_path / "a.html")
    assert "EM" not in (tmp_path / "a.html").read_text("utf-8").split("</style>")[1]


def test_cells_spell_the_sentence() -> None:
    (example,) = show(["마당에서  고추를 말렸다. 왜"], [WHOLE, PARTS])
    whole, parts = (cells(example.text, tokens) for tokens in example.tokens)
    assert [cell.shown for cell in whole] == ["마당에서", "고추를", "말렸다", ".", "왜"]
    assert [cell.classes for cell in whole] == ["", "gap", "gap", "", "odd gap"]
    assert [cell.shown for cell in parts][:3] == ["마당", "에서", "고추"]
    assert parts[1].title == "##에서 · 10 · 2–4"


def test_byte_level_tokens_are_shown_as_the_text_they_are(files: dict[str, Path], tmp_path: Path) -> None:
    learned("bytebpe").save(tmp_path / "bytes")
    found = compare_tokenizers([tmp_path / "bytes", files["parts"]], files["text"])
    tokens = found.as_dict()["examples"][0]["tokens"][0]
    assert tokens[0]["entry"].startswith("Ġ") and tokens[0]["shown"].startswith("▁")
    write_comparison(found, tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text("utf-8")
    assert f"{tokens[0]['shown']} · " in html and "Ġ" not in html
