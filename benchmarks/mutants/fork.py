"""Tests of a changed module in a fork of this process: torch is imported once, malmoi in each fork.

Nothing is written into the source tree: the fork's importer hands out the changed text.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Literal

import hypothesis
import pytest
from benchmarks.mutants.plan import SOURCE

ROOT = SOURCE.parents[1]
GREEN, RED, BROKEN = range(3)
Outcome = Literal["killed", "survived", "endless", "broken"]


def import_what_is_slow() -> None:
    """All but malmoi itself, which every fork imports anew."""
    import kiwipiepy  # noqa: F401
    import polars  # noqa: F401
    import sentencepiece  # noqa: F401
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import sklearn.metrics  # noqa: F401
    import tokenizers  # noqa: F401
    import torch
    import torch._dynamo  # the first optimizer imports it, which takes longer than most tests
    import typer  # noqa: F401
    from scipy import sparse, stats  # noqa: F401

    torch.set_num_threads(1)  # a pool of threads would not come along into a fork
    assert not any(name.split(".")[0] == "malmoi" for name in sys.modules)


class _Changed(importlib.machinery.SourceFileLoader):
    """One module from the changed text instead of its file."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.text, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, text: str) -> None:
        self.name = "malmoi." + module.replace("/", ".")
        self.path = str(SOURCE / f"{module}.py")
        self.text = text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, _Changed(fullname, self.path, self.text))


class Run:
    """Tests on a changed module, under way in a fork of their own."""

    def __init__(self, module: str, text: str, tests: Sequence[str], seconds: float) -> None:
        """`seconds` of CPU time are granted, and ten times as many by the clock."""
        self.folder = Path(tempfile.mkdtemp(prefix="mutant-"))
        self.pid = os.fork()
        if self.pid == 0:
            code = BROKEN
            try:
                _limit(seconds)
                code = _test(module, text, tests, self.folder)
            finally:
                os._exit(code)

    def told(self) -> str:
        """What pytest has printed."""
        return (self.folder / "told").read_text("utf-8")

    def ended(self, status: int) -> Outcome:
        """What `status`, from os.wait, says; tidies up."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if os.WIFSIGNALED(status):
            return "endless"
        return {GREEN: "survived", RED: "killed"}.get(os.WEXITSTATUS(status), "broken")


def _limit(seconds: float) -> None:
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    signal.alarm(10 * whole)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + 4 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _test(module: str, text: str, tests: Sequence[str], folder: Path) -> int:
    os.chdir(ROOT)
    os.environ["CI"] = "1"  # hypothesis draws the same examples each time
    plain = [
        phase
        for phase in hypothesis.Phase
        if phase not in (hypothesis.Phase.shrink, hypothesis.Phase.explain)
    ]
    hypothesis.settings.register_profile("default", phases=plain, deadline=None, database=None)
    hypothesis.settings.load_profile("default")
    sys.path[:0] = [str(SOURCE.parent), str(ROOT)]
    sys.meta_path.insert(0, _Finder(module, text))
    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={folder / 'tests'}"]
    with (
        (folder / "told").open("w") as told,
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
    ):
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
        code = pytest.main([*options, *(f"tests/{test}" for test in tests)])
    # Where a module cannot be imported, pytest is interrupted, or finds no test of a given name (usage).
    red = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED, pytest.ExitCode.USAGE_ERROR)
    return GREEN if code == pytest.ExitCode.OK else RED if code in red else BROKEN
