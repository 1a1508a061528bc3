"""Claim: the corpus and shards stages stay under 1 GB resident on the 313 MB Wikipedia file.

Needs `../shared/data/corpus/kowiki.txt.xz`; sums the resident memory of the process and its workers ten
times a second. `python benchmarks/memory.py`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

WIKI = Path(__file__).resolve().parents[2] / "shared" / "data" / "corpus" / "kowiki.txt.xz"
PAGE = 4096


def tree_rss(root: int) -> int:
    """Bytes resident in a process and all its descendants (shared pages counted once per process)."""
    parents: dict[int, int] = {}
    resident: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
            resident[int(entry.name)] = int((entry / "statm").read_text("ascii").split()[1]) * PAGE
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
    total = 0
    for process in resident:
        ancestor = process
        while ancestor not in (root, 0, 1):
            ancestor = parents.get(ancestor, 0)
        total += resident[process] if ancestor == root else 0
    return total


def watch(words: list[str]) -> tuple[float, float]:
    """Run a command; returns peak resident MB of its process tree, and seconds."""
    begun, peak = time.monotonic(), 0
    process = subprocess.Popen([sys.executable, "-m", "malmoi", "--quiet", *words], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, tree_rss(process.pid))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"malmoi {' '.join(words)} failed")
    return peak / 1e6, time.monotonic() - begun


def main() -> None:
    stages = ("corpus", "tokenizer", "shards")
    if not WIKI.exists():
        for stage in stages:
            print(f"claim {stage}-peak-resident-mb - goal 1000 not-measured")
        return
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        found = {
            "corpus": watch(["corpus", "build", str(WIKI), "--out", f"{out}/corpus", "--workers", "2"]),
            "tokenizer": watch(["tokenizer", "train", f"{out}/corpus", "--out", f"{out}/tok"]),
            "shards": watch(
                ["shards", "build", f"{out}/corpus", f"{out}/tok", "--out", f"{out}/shards", "--workers", "2"]
            ),
        }
    for stage in stages:
        print(f"{stage}: {found[stage][0]:,.0f} MB, {found[stage][1]:.0f} s")
    for stage in ("corpus", "shards"):
        peak = found[stage][0]
        print(f"claim {stage}-peak-resident-mb {peak:.0f} goal 1000 {'ok' if peak < 1000 else 'short'}")


if __name__ == "__main__":
    main()
