"""Which answers are shown, of classes and of scores."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.artifact.finished import Manifest
from malmoi.errors import MalmoiError
from malmoi.report.folder import Cell
from malmoi.report.samples import WRONG, answers


def cell(folder: Path, predictions: str, kind: str = "classify") -> Cell:
    (folder / "predictions.tsv").write_text(predictions, "utf-8")
    manifest = Manifest(stage="finetune", state="finished", key="", config={})
    return Cell("row", "task", 0, folder, manifest, {"kind": kind})


def test_wrong_answers_surest_first(tmp_path: Path) -> None:
    rows = [f"{i}\ta\t{'a' if i % 2 else 'b'}\t{0.5 + i / 100}" for i in range(2, 32)]
    found = answers(cell(tmp_path, "line\tgold\tpredicted\tprobability\n" + "\n".join(rows) + "\n"))
    assert found is not None and not found.number and found.reason == "report.answers.gone"
    assert [row.line for row in found.wrong] == list(range(30, 30 - 2 * WRONG, -2))
    assert found.wrong[0].sure == pytest.approx(0.8)
    assert [row.line for row in found.right] == [3, 9, 15, 21]  # spread over the file
    assert all(row.text == () for row in found.wrong)


def test_of_scores_the_furthest_off_and_the_closest(tmp_path: Path) -> None:
    rows = "line\tgold\tpredicted\n2\t1.0\t4.5\n3\t5.0\t4.9\n4\t2.0\t1.0\n"
    found = answers(cell(tmp_path, rows, "regress"))
    assert found is not None and found.number
    assert (found.wrong[0].line, found.wrong[0].sure) == (2, 3.5)
    assert found.right[0].line == 3 and found.right[0].sure == pytest.approx(0.1)


def test_of_answers_without_probabilities_the_first_that_are_wrong(tmp_path: Path) -> None:
    found = answers(cell(tmp_path, "line\tgold\tpredicted\n2\t가\t나\n3\t가\t가\n4\t나\t가\n"))
    assert found is not None
    assert [(row.line, row.sure) for row in (*found.wrong, *found.right)] == [(2, None), (4, None), (3, None)]


@pytest.mark.parametrize("row", ["x\ta\tb\t0.5", "2\ta\tb\tnan", "2\ta", "2\ta\tb\tx"])
def test_damaged_predictions_are_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(MalmoiError, match="MM1002"):
        answers(cell(tmp_path, f"line\tgold\tpredicted\tprobability\n{row}\n"))


def test_no_predictions_no_answers(tmp_path: Path) -> None:
    made = cell(tmp_path, "")
    assert answers(made) is not None
    (tmp_path / "predictions.tsv").unlink()
    assert answers(made) is None
