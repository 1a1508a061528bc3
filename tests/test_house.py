"""The rules of the house: one direction of imports, a light core, small files, no rooms without a name."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import malmoi
from malmoi.kinds import imported

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(malmoi.__file__).parent
PACKAGES = (
    "readers",
    "analyzers",
    "corpus",
    "tokenizer",
    "shards",
    "model",
    "training",
    "pretrain",
    "tasks",
    "tokenizer_eval",
    "trace",
    "finetune",
    "predict",
    "league",
    "autopsy",
    "report",
    "sample",
    "pipeline",
    "cli",
)
ROOT_FILES = (
    "config",
    "kinds",
    "toml_lines",
    "paths",
    "json_files",
    "artifact",
    "codes",
    "errors",
    "nearest",
    "device",
    "progress",
    "context",
    "slices",
    "messages",
    "special",
    "hangul",
)
FILES = sorted(SOURCE.rglob("*.py"))


def _package(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def _imports(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.append(node.module or "")
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_one_way(path: Path) -> None:
    mine = _package(path)
    for name in _imports(path):
        parts = name.split(".")
        if parts[0] != "malmoi" or len(parts) < 2:
            continue
        target = parts[1]
        if target == mine or target in ROOT_FILES or target in ("__version__", "load"):
            continue
        if mine in ROOT_FILES:
            pytest.fail(f"root file {mine} imports {name}")
        if mine in PACKAGES:
            assert target in PACKAGES, f"{path.name} imports unknown {name}"
            assert PACKAGES.index(target) < PACKAGES.index(mine), (
                f"{mine} imports {name}, which lies further on"
            )


def test_light_core_imports_only_what_a_training_machine_has() -> None:
    """Opening shards, building models and training must not load the text libraries or the terminal's."""
    code = """
import sys
import malmoi.pretrain.run, malmoi.shards.format, malmoi.model.hf.folder
heavy = {"polars", "tokenizers", "tokie", "rich", "typer", "transformers", "sklearn", "fsspec"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = set(ast.literal_eval(out.strip().splitlines()[-1]))
    # torch itself loads fsspec where it is installed.
    assert loaded <= {"fsspec"}


def test_help_does_not_load_torch() -> None:
    code = "import sys\nfrom malmoi.cli.main import run\nrun(['--help'])\nprint('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().splitlines()[-1] == "False"


def test_recipes_and_text_stages_do_without_torch() -> None:
    """It takes a second to load, in the command and in each of its workers."""
    code = """
import sys
import malmoi.pipeline.recipe, malmoi.tasks.data
import malmoi.corpus.build, malmoi.tokenizer.train, malmoi.shards.build
print('torch' in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().splitlines()[-1] == "False"


# Rooms of kinds: their dict, and where else a word that is a key there stands for something else or, as the
# default of a setting, for the kind. Stages are left out: artifacts and verbs have the same names.
ROOMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "analyzers/": ("malmoi.analyzers:ANALYZERS", ()),
    "readers/": ("malmoi.readers:READERS", ()),
    # The loss of guessing by frequency.
    "tokenizer/": ("malmoi.tokenizer.kinds:KINDS", ("report/write.py", "pretrain/monitor/alarms.py")),
    "tasks/kinds/": ("malmoi.tasks.kinds:TASK_KINDS", ("tasks/suites.py",)),
    # What tasks are scored by unless a recipe says more; a masked LM counts its own accuracy.
    "tasks/metrics/": (
        "malmoi.tasks.metrics:METRICS",
        ("tasks/kinds/", "tasks/suites.py", "pretrain/objectives/mlm/"),
    ),
    "training/optimizers/": ("malmoi.training.optimizers:OPTIMIZERS", ()),
    # Defaults, a planted bug's too; layouts of encoders and heads; a plot's lines, likeness, an answer.
    "training/schedules.py": (
        "malmoi.training.schedules:SCHEDULES",
        (
            "pretrain/config.py",
            "finetune/config.py",
            "autopsy/bugs.py",
            "model/",
            "league/entries.py",
            "pretrain/objectives/",
            "pretrain/data/masking/",
            "report/charts.py",
            "pretrain/monitor/alarms.py",
            "tasks/kinds/regression.py",
            "finetune/record.py",
        ),
    ),
    # A finding's tone, a style of speech, ways to count layers; ELECTRA is also a layout and a schedule.
    "pretrain/data/masking/": (
        "malmoi.pretrain.data.masking:MASKINGS",
        (
            "report/diff.py",
            "report/tokenizer_reading.py",
            "report/verdict.py",
            "sample/",
            "finetune/config.py",
            "finetune/layer_decay.py",
            "autopsy/bugs.py",
            "model/",
            "pretrain/objectives/",
            "training/schedules.py",
        ),
    ),
    # ELECTRA's encoder, schedule and masking are called by its name, and so is a head of MLM.
    "pretrain/objectives/": (
        "malmoi.pretrain.objectives:OBJECTIVES",
        (
            "autopsy/bugs.py",
            "model/hf/",
            "model/sizes.py",
            "pretrain/data/masking/",
            "training/schedules.py",
        ),
    ),
}


@pytest.mark.parametrize("room", ROOMS)
def test_kinds_are_named_in_their_own_room_only(room: str) -> None:
    """Elsewhere no key of the dict is written."""
    table, besides = ROOMS[room]
    for path in FILES:
        place = path.relative_to(SOURCE).as_posix()
        if place.startswith((room, *besides)):
            continue
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        words = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        assert not words & set(imported(table)), place


def test_no_file_is_long_or_without_a_name() -> None:
    for path in [*FILES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        assert len(path.read_text("utf-8").splitlines()) <= 400, path
        words = {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
        assert not words & {"utils", "util", "helpers", "helper", "common", "misc"}, path


def test_no_test_takes_what_another_folder_has_for_its_own_tests() -> None:
    """What several folders start from is in tests/tiny/ and tests/conftest.py."""
    for path in (ROOT / "tests").rglob("*.py"):
        taken = re.findall(r"^from tests\.(\S+)\.conftest import", path.read_text("utf-8"), re.M)
        assert all(path.parent == ROOT / "tests" / name.replace(".", "/") for name in taken), path


def test_every_module_says_what_it_is() -> None:
    for path in FILES:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path


def test_the_plan_of_the_mutants_names_what_is_there() -> None:
    plan = tomllib.loads((ROOT / "benchmarks" / "mutants" / "plan.toml").read_text("utf-8"))
    for module, tests in plan["tests"].items():
        assert (SOURCE / f"{module}.py").is_file(), module
        for test in tests:
            file, _, name = test.partition("::")
            assert f"def {name}" in (ROOT / "tests" / file).read_text("utf-8"), test
    for one in plan["judged"]:
        assert one["module"] in plan["tests"] and one["was"] != one["is"] and one["why"], one
        assert one["was"] in (SOURCE / f"{one['module']}.py").read_text("utf-8"), one
