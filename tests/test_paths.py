"""Names whose bytes are no UTF-8: shown to people, and given to libraries that want UTF-8."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save

from malmoi.errors import MalmoiError
from malmoi.messages import set_language, text
from malmoi.paths import can_be_folder, plain_name, readable, shell_word, utf8_path


def old(name: str) -> str:
    return os.fsdecode(name.encode("cp949"))


@pytest.mark.parametrize(
    "name",
    ["가나다.txt", "한글 폴더/옛날 글.csv", "큰 디스크/말뭉치", "똠방각하", "abc펲시", "2003년 (사본).txt"],
)
def test_a_name_in_cp949_is_shown_as_it_was_meant(name: str) -> None:
    """Of some the bytes are UTF-8 by chance, and second bytes may be letters."""
    assert old(name) != name
    assert readable(f"/mnt/{old(name)}") == f"/mnt/{name}"


def test_what_is_neither_shows_its_bytes_and_the_rest_is_left_alone() -> None:
    assert readable(os.fsdecode(b"/\xff\xfe x/\xea\xb8\x80")) == "/\\xFF\\xFE x/글"
    assert readable("좋은 이름 ū ёж.txt") == "좋은 이름 ū ёж.txt"
    assert readable("반쪽 \ud83d") == "반쪽 \ufffd"


@given(st.text(st.characters(codec=None)), st.binary())
def test_whatever_it_is_can_be_printed(one: str, other: bytes) -> None:
    readable(one + "/" + os.fsdecode(other)).encode()


def test_sentences_and_errors_show_it() -> None:
    set_language("ko")
    error = MalmoiError("MM0001", Path(old("설정.toml")), path=Path(old("설정.toml")))
    assert error.where == "설정.toml" and error.what == "설정 파일 설정.toml이 없습니다."
    assert text("base.current", path=old("말뭉치")).startswith("그대로 둡니다: 말뭉치 (")


def test_a_library_that_wants_utf8_gets_a_link(tmp_path: Path) -> None:
    folder = tmp_path / old("큰 디스크")
    folder.mkdir()
    (folder / "a.safetensors").write_bytes(save({"x": torch.arange(3)}))
    with utf8_path(folder / "a.safetensors") as name, safe_open(name, framework="pt") as file:
        assert name.encode() and file.get_tensor("x").tolist() == [0, 1, 2]
    assert not Path(name).exists()
    with utf8_path(tmp_path / "글") as name:
        assert name == str(tmp_path / "글")


@given(st.text(st.characters(codec=None)))
@example("reviews..tmp .tmp")
@example(".tmp")
@example("con." + "a" * 300)
@example("manifest.json")
def test_any_file_gives_a_name_that_a_folder_can_have(stem: str) -> None:
    assert can_be_folder(plain_name(stem))


WORDS = [
    "plain.txt",
    "두 낱말",
    "할머니's",
    '"$HOME"',
    "a\\b'c",
    "*.txt",
    "~",
    "줄\n바꿈\t탭",
    "큰".encode("cp949").decode("utf-8", "surrogateescape"),
    "'\\\udcb0",
    "",
    "-n",
]


def test_a_shell_reads_the_words_that_were_meant() -> None:
    command = "printf '%s\\0' " + " ".join(map(shell_word, WORDS))
    assert command.isprintable()
    told = subprocess.run(["bash", "-c", command], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert told.stdout.split(b"\0")[:-1] == [word.encode("utf-8", "surrogateescape") for word in WORDS]
    assert shell_word("한글/문장.txt") == "한글/문장.txt"
