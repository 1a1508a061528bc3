"""`malmoi doctor`: what this machine can do, and the command that mends what it cannot."""

from __future__ import annotations

import importlib.util
import locale
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.text import Text

from malmoi.cli.console import amount, console
from malmoi.messages import text


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, what was found, and, where it is not well, what to do."""

    key: str
    found: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    app.command("doctor", help=text("cli.doctor.help"))(doctor)


def doctor() -> None:
    rows = []
    findings = list(examine())
    for finding in findings:
        mark = Text("✖", style="bold red") if finding.mend else Text("✔", style="green")
        rows.append((mark, text(finding.key), finding.found, finding.mend))
    columns = ["", text("cli.doctor.what"), text("cli.doctor.found"), text("cli.doctor.mend")]
    console().table("cli.doctor.title", columns, rows)
    mends = [f"{text(f.key)}: {f.mend}" for f in findings if f.mend]
    console().result(
        {f.key.rpartition(".")[2]: f.found for f in findings}, "; ".join(mends) or text("cli.doctor.well")
    )


def examine() -> Iterator[Check]:
    """Everything worth knowing before a long run."""
    import torch

    from malmoi.device import choose_device, choose_precision, matmul_rate

    yield Check("cli.doctor.python", platform.python_version())
    device = choose_device("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{os.cpu_count()} cores"
    yield Check("cli.doctor.torch", torch.__version__)
    yield Check("cli.doctor.device", f"{device} ({name})")
    dtype = choose_precision("auto", device)
    yield Check("cli.doctor.precision", str(dtype).removeprefix("torch."))
    yield Check("cli.doctor.rate", f"{matmul_rate(device, dtype) / 1e9:,.0f} GFLOP/s")
    if memory := _memory():
        mend = text("cli.doctor.memory_mend") if memory < 4e9 else ""
        yield Check("cli.doctor.memory", amount(memory, "B"), mend)
    free = shutil.disk_usage(Path.cwd()).free
    yield Check("cli.doctor.disk", amount(free, "B"), text("cli.doctor.disk_mend") if free < 5e9 else "")
    writable = os.access(Path.cwd(), os.W_OK)
    yield Check("cli.doctor.folder", str(Path.cwd()), "" if writable else text("cli.doctor.folder_mend"))
    encoding = (sys.stdout.encoding or locale.getpreferredencoding()).lower()
    well = encoding.replace("-", "") == "utf8"
    yield Check("cli.doctor.terminal", encoding, "" if well else "export PYTHONUTF8=1")
    for package, extra in (("tokie", "fast"), ("transformers", "hf"), ("sklearn", "league")):
        there = importlib.util.find_spec(package) is not None
        found = text("cli.doctor.yes" if there else "cli.doctor.no")
        yield Check(f"cli.doctor.{extra}", found, "" if there else f"pip install 'malmoi[{extra}]'")


def _memory() -> int | None:
    """Bytes a process can still get, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
