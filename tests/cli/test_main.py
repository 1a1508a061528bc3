"""The command line as a user meets it: real processes, both languages, exit codes, no tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.cli.console import amount, duration
from malmoi.cli.main import take_globals


def malmoi(*words: str, lang: str = "en", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MALMOI_LANG": lang, "COLUMNS": "120"}
    return subprocess.run(
        [sys.executable, "-m", "malmoi", *words], capture_output=True, text=True, env=environment, cwd=cwd
    )


def test_global_options_may_stand_anywhere() -> None:
    assert take_globals(["corpus", "build", "--json", "a"]) == (["corpus", "build", "a"], "json", None)
    assert take_globals(["-q", "--lang", "ko", "run"]) == (["run"], "quiet", "ko")
    assert take_globals(["predict", "x", "--", "--json"]) == (["predict", "x", "--", "--json"], "text", None)


def test_help_speaks_both_languages() -> None:
    assert "from raw Korean text" in malmoi("--help").stdout
    assert "날 한국어 글에서" in malmoi("--lang", "ko", "--help").stdout


VERBS = """run; sample; corpus build; tokenizer train; tokenizer compare; tokenizer extend; shards build;
shards show; shards stats; shards merge; shards verify; pretrain; finetune; league; predict; trace; report;
diff; doctor; explain"""


@pytest.mark.parametrize("verb", [verb.strip() for verb in VERBS.split(";")])
def test_every_verb_has_help_in_both_languages(verb: str) -> None:
    english, korean = malmoi(*verb.split(), "--help"), malmoi(*verb.split(), "--help", lang="ko")
    assert english.returncode == korean.returncode == 0
    assert english.stdout != korean.stdout
    assert "Usage: malmoi" in english.stdout


def test_a_mistake_is_one_clean_message_with_exit_code_2(tmp_path: Path) -> None:
    done = malmoi("run", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert done.stderr.startswith("MM0001 there is no recipe")
    assert "Traceback" not in done.stderr
    wrong = malmoi("corpus", "biuld")
    assert wrong.returncode == 2 and "MM0821" in wrong.stderr
    language = malmoi("--lang", "fr", "doctor")
    assert language.returncode == 2 and "MM0801" in language.stderr


def test_json_mode_writes_objects_only(tmp_path: Path) -> None:
    done = malmoi("run", str(tmp_path / "none.toml"), "--json")
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["code"] == "MM0001"
    assert json.loads(line)["name"] == "RECIPE_MISSING"


def test_explain_shows_a_page_and_a_list() -> None:
    page = malmoi("explain", "mm0003")
    assert page.returncode == 0 and page.stdout.startswith("MM0003")
    assert "<near>" in page.stdout
    for word in ("unknown-setting", "UNKNOWN_SETTING"):
        assert malmoi("explain", word).stdout == page.stdout
    assert json.loads(malmoi("explain", "MM0505", "--json").stdout)["name"] == "ANOTHER_RUN_HERE"
    listed = malmoi("explain").stdout
    assert "MM0505" in listed and "ANOTHER_RUN_HERE" in listed
    assert (
        json.loads(malmoi("explain", "--json").stdout.splitlines()[-1])["codes"]["MM0505"]
        == "ANOTHER_RUN_HERE"
    )
    assert malmoi("explain", "MM9998").returncode == 2


def test_doctor_names_the_machine() -> None:
    done = malmoi("doctor", "--json")
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["event"] == "result"
    assert result["rate"].endswith("GFLOP/s")


def test_numbers_a_person_can_read() -> None:
    assert amount(12_345_678, "B") == "12.3 MB"
    assert amount(8311, "token") == "8,311 tokens"
    assert [duration(s) for s in (42, 185, 7800)] == ["42s", "3m 05s", "2h 10m"]
