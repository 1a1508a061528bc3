"""Reviews, and how to fine-tune on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.finetune.config import FinetuneConfig
from tests.tiny.labelled import CPU, reviews


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviews")
    (folder / "train.csv").write_text(reviews(240), "utf-8")
    (folder / "test.csv").write_bytes(reviews(60, start=240).encode("cp949"))
    return folder


@pytest.fixture(scope="session")
def config(files: Path) -> FinetuneConfig:
    return FinetuneConfig(
        train=files / "train.csv",
        test=files / "test.csv",
        text=("문장",),
        label="감정",
        # Eight seeds of eight answer every test row right; at a rate of 5e-3 one stays at chance.
        epochs=5,
        lr=2e-3,
        batch_size=16,
        evals=4,
        **CPU,
    )
