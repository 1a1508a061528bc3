"""A model folder whose weights are a pickle (pytorch_model.bin) in, a copy of it in safetensors out.

The copy is in the user's cache, once for each model, so that nothing is written into the user's folder. Only
a child process opens the pickle (`unpickle.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from malmoi.artifact.disk import disk_errors, sync_tree
from malmoi.artifact.finished import digest_json, record_file
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.hf.config import CONFIG
from malmoi.model.hf.weights import WEIGHTS
from malmoi.progress import SILENT, Reporter
from malmoi.tokenizer.kinds import tokenizer_files

PICKLE = "pytorch_model.bin"
PLACE = "MALMOI_MODELS"
PATIENCE = 1800  # seconds


def with_safetensors(folder: Path, reporter: Reporter = SILENT) -> Path:
    """The folder itself, unless it has config.json and its weights only as a pickle: then its converted copy.

    Raises MM0643 (a pickle of something other than weights), MM0644 (it took too much memory or time), MM0015
    and MM0016 (the copy cannot be written).
    """
    needed = (folder / CONFIG, folder / PICKLE)
    if (folder / WEIGHTS).is_file() or not all(path.is_file() for path in needed):
        return folder
    names = [name for name in (CONFIG, *tokenizer_files()) if (folder / name).is_file()]
    digests = {name: record_file(folder / name).sha256 for name in (*names, PICKLE)}
    home = converted_models()
    copy = home / digest_json(digests)[:24]
    if not (copy / WEIGHTS).is_file():
        reporter.say("model.converting", file=folder / PICKLE, copy=copy)
        draft = home / f".{copy.name}.{os.getpid()}"
        try:
            with disk_errors(draft):
                draft.mkdir(parents=True)
                for name in names:
                    shutil.copyfile(folder / name, draft / name)
                _convert(folder / PICKLE, draft / WEIGHTS)
                if not copy.exists():  # another process may have made it
                    sync_tree(draft)  # the copy is never checked again
                    draft.rename(copy)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return copy


def converted_models() -> Path:
    """Where converted models are: MALMOI_MODELS, otherwise `models` in the user's cache."""
    from platformdirs import user_cache_path  # imported late: machines that only train may lack it

    return Path(os.environ.get(PLACE) or user_cache_path("malmoi", appauthor=False) / "models")


def _convert(source: Path, target: Path) -> None:
    command = [sys.executable, "-P", "-m", "malmoi.model.hf.unpickle", str(source), str(target)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise MalmoiError(Code.PICKLE_NOT_CONVERTED, source, detail=f"> {PATIENCE} s") from None
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        last = (child.stderr.strip().splitlines() or [""])[-1][:200]
        raise MalmoiError(
            Code.PICKLE_NOT_CONVERTED, source, detail=last or f"exit {child.returncode}"
        ) from None
    if "fault" in answer:
        raise MalmoiError(Code.PICKLE_NOT_WEIGHTS, source, detail=answer["fault"])
