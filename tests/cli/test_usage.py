"""Mistakes in a command line have codes and speak Korean, whatever the parser says of them."""

from __future__ import annotations

import pytest

from malmoi.cli.main import run as malmoi

MISTAKES = [
    ("finetun", "MM0821", "'finetun'", "'finetune'"),
    ("shards buld", "MM0821", "'buld'", "'build'"),
    ("finetune", "MM0822", "CHECKPOINT", "malmoi finetune --help"),
    ("pretrain shards", "MM0822", "--out", "malmoi pretrain --help"),
    ("finetune x --taks y", "MM0820", "--taks", "'--task'"),
    ("pretrain x --out y --steps many", "MM0823", "--steps", "a whole number"),
    ("pretrain x --out", "MM0824", "--out", "malmoi pretrain --help"),
    ("pretrain x --out y --verify=3", "MM0827", "--verify", "malmoi pretrain --help"),
    ("sample a b c", "MM0825", "b c", "malmoi sample --help"),
]


@pytest.mark.parametrize(("line", "code", "what", "hint"), MISTAKES, ids=[line for line, *_ in MISTAKES])
def test_each_is_told_with_what_to_do(
    line: str, code: str, what: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert malmoi([*line.split(), "--lang", "en"]) == 2
    told = capsys.readouterr().err
    assert told.startswith(code) and what in told and hint in told
    assert malmoi([*line.split(), "--lang", "ko"]) == 2
    korean = capsys.readouterr().err
    assert (korean.startswith(code) and "습니다" in korean) or "입니다" in korean
    assert not {"missing", "option", "Invalid", "unexpected"} & set(korean.split())


def test_json_has_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert malmoi(["--json", "sample", "a", "b"]) == 2
    assert '"code": "MM0825"' in capsys.readouterr().out
