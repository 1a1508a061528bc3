"""Tiny pretraining runs (untrained weights) of BERT and ELECTRA, and tasks of three kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.finetune.config import FinetuneConfig
from malmoi.model.encoder import Encoder
from malmoi.model.heads import Discriminator, MaskedLM, MlmHead, RtdHead
from malmoi.model.hf.folder import write_model
from malmoi.model.sizes import EncoderConfig
from malmoi.tokenizer import load_tokenizer

SYLLABLES = sorted(set("재미있다최고감동이지루하악아깝영화의"))
QUICK = {"epochs": 1, "lr": 2e-3, "evals": 1, "threads": 1, "device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="session")
def pretraining(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a finished run with a checkpoint at each of `steps`; 1,000 tokens a step."""

    def make(
        name: str, steps: tuple[int, ...], milestones: tuple[float, ...] = (), seed: int = 0, **shape: object
    ) -> Path:
        run = tmp_path_factory.mktemp("runs") / name / "pretrain"
        entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SYLLABLES, *("##" + c for c in SYLLABLES)]
        small = {"hidden": 16, "layers": 1, "heads": 2, "ffn": 32, "max_positions": 32}
        config = EncoderConfig.model_validate({"vocab_size": len(entries)} | small | shape)
        for step in steps:
            folder = run / "checkpoints" / f"step-{step}"
            folder.mkdir(parents=True)
            (folder / "vocab.txt").write_text("\n".join(entries) + "\n", "utf-8")
            load_tokenizer(folder).save(folder)
            with torch.random.fork_rng():
                torch.manual_seed(step + 1000 * seed)
                encoder = Encoder(config)
                electra = config.arch == "electra"
                write_model(
                    folder,
                    Discriminator(encoder, RtdHead(config))
                    if electra
                    else MaskedLM(encoder, MlmHead(config)),
                )
            record = {"step": step, "tokens": 1000 * step, "files": {}}
            (folder / "checkpoint.json").write_text(json.dumps(record), "utf-8")
        pretrain = {"steps": steps[-1], "milestones": list(milestones), "seed": seed}
        pretrain["objective"] = "electra" if config.arch == "electra" else "mlm"
        told = {"pretrain": pretrain, "model": {name: getattr(config, name) for name in small}}
        manifest = {"stage": "pretrain", "state": "finished", "key": "k", "config": told}
        (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        return run

    return make


@pytest.fixture(scope="session")
def three_tasks(tmp_path_factory: pytest.TempPathFactory) -> list[FinetuneConfig]:
    """Classes of one text, classes of a pair, scores of a pair: 160 training rows and 40 test rows each."""
    words = {"좋음": ["재미있다", "최고다", "감동이다"], "나쁨": ["지루하다", "최악이다", "아깝다"]}
    everything = [word for some in words.values() for word in some]
    generator = np.random.default_rng(0)
    tasks: dict[str, list[list[str]]] = {"평": [], "같은 말": [], "닮은 정도": []}
    for i in range(200):
        label = ("좋음", "나쁨")[i % 2]
        a, b = (str(word) for word in generator.choice(everything, 2))
        tasks["평"].append([f"영화 {i} {words[label][i // 2 % 3]}", label])
        tasks["같은 말"].append([f"영화 {i} {a}", f"영화 {i} {a if i % 2 else b}", "0" if i % 2 else "1"])
        tasks["닮은 정도"].append(
            [f"영화 {i} {a}", f"영화 {i} {b}", str(5 * len(set(a) & set(b)) / len(set(a) | set(b)))]
        )
    configs = []
    for name, rows in tasks.items():
        folder = tmp_path_factory.mktemp("tasks")
        pair = len(rows[0]) == 3
        columns = ["글", "짝", "라벨"] if pair else ["글", "라벨"]
        for split, part in (("train", rows[:160]), ("test", rows[160:])):
            lines = [",".join(row) for row in [columns, *part]]
            (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", "utf-8")
        configs.append(
            FinetuneConfig(
                name=name,
                train=folder / "train.csv",
                test=folder / "test.csv",
                text=tuple(columns[:-1]),
                label="라벨",
                kind="regress" if name == "닮은 정도" else "classify",
                **QUICK,
            )
        )
    return configs
