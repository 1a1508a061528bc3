"""From a draft's work folder to its products, so that a build can resume from any moment. A finished slice is
`done.json` and the files it names: the one must never be there without the others. Files therefore get a
second name instead of moving, and a work folder is removed whole or not at all.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

GONE = "gone"


def link(path: Path, target: Path) -> None:
    """A second name for a file, replacing whatever is there."""
    target.unlink(missing_ok=True)
    try:
        os.link(path, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, target)


def drop_work(folder: Path) -> None:
    """Delete a draft's work folder: one rename takes all its slices away, whatever happens to the rest."""
    drop_left_over(folder.parent)
    folder.rename(folder.parent / GONE)
    drop_left_over(folder.parent)


def drop_left_over(draft: Path) -> None:
    """Delete what an interrupted `drop_work` left of the work folder."""
    if (draft / GONE).exists():
        shutil.rmtree(draft / GONE)
