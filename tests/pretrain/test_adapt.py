"""Going on from a checkpoint with a longer vocabulary: old rows bit for bit, new ones from their pieces."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from malmoi.artifact.finished import read_manifest
from malmoi.cli.main import run
from malmoi.errors import MalmoiError
from malmoi.model.hf.folder import read_masked_lm
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.init.from_checkpoint import Init, Vocabularies, compare_vocabularies, grown, open_init
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.objectives import OBJECTIVES, ElectraConfig
from malmoi.pretrain.run import pretrain
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.extend import ExtendConfig, extend_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.batches import batch_of
from tests.tiny.heard import Heard
from tests.tiny.runs import MODEL, train, training

WORDS = ("도서관", "옆집 아저씨", "뷁수치")  # in pieces, with a space, never seen
SHAPE = MODEL.model_copy(update={"generator_width": 1.0})
NEXT = {"steps": 1, "heldout_every": 1, "checkpoint_every": 1, "lr": 1e-6, "heldout_rows": 64}
TABLE = {
    "mlm": "bert.embeddings.word_embeddings.weight",
    "electra": "electra.embeddings.word_embeddings.weight",
}


def loss(out: Path) -> float:
    """The last held-out loss (of the masked LM)."""
    lines = [line for line in read_journal(out) if "heldout_loss" in line]
    return float(lines[-1].get("heldout_generator_loss", lines[-1]["heldout_loss"]))


def row(folder: Path, objective: str) -> torch.Tensor:
    return load_file(folder / "model.safetensors")[TABLE[objective]]


@pytest.fixture(scope="module")
def longer(pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pipeline's corpus in shards of the pipeline's tokenizer with WORDS."""
    folder = tmp_path_factory.mktemp("longer")
    extend_tokenizer(ExtendConfig(words=WORDS), pipeline / "tokenizer", folder / "tokenizer")
    build_shards(ShardsConfig(), pipeline / "corpus", folder / "tokenizer", folder / "shards")
    return folder / "shards"


@pytest.fixture(scope="module", params=["mlm", "electra"])
def trained(request: pytest.FixtureRequest, pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    long = {"weight_init": "cooccurrence", "steps": 150, "heldout_every": 75, "checkpoint_every": 75}
    out = tmp_path_factory.mktemp("trained") / request.param
    return train(pipeline / "shards", out, SHAPE, objective=request.param, heldout_rows=64, **long)


def test_a_longer_vocabulary_goes_on_where_the_old_one_was(
    trained: Path, longer: Path, pipeline: Path, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    objective = trained.name
    config = training(**NEXT, objective=objective, init=trained)
    manifest = pretrain(config, ModelConfig(dropout=0.1), longer, tmp_path / "on")
    random = pretrain(config.model_copy(update={"init": None}), SHAPE, longer, tmp_path / "random")
    before, after, new = (loss(folder) for folder in (trained, tmp_path / "on", tmp_path / "random"))
    assert random.counts["step"] == 1
    assert abs(after - before) < 0.4 * (new - before), (before, after, new)
    assert manifest.counts["init"]["new"] == 3
    assert (manifest.counts["init"]["from_pieces"], manifest.counts["init"]["from_mean"]) == (2, 1)
    step = tmp_path / "on" / "checkpoints" / "step-1"
    vocabulary = load_tokenizer(step).vocab_size
    opened = {"mlm": transformers.BertForMaskedLM, "electra": transformers.ElectraForPreTraining}[objective]
    model = opened.from_pretrained(step)
    assert model.config.vocab_size == vocabulary == load_tokenizer(pipeline / "tokenizer").vocab_size + 8
    assert model.get_input_embeddings().weight.shape[0] == vocabulary


def test_old_rows_are_the_same_bits_and_new_ones_the_mean_of_their_pieces(
    trained: Path, longer: Path, pipeline: Path, tmp_path: Path
) -> None:
    objective = trained.name
    # So small a step leaves fp32 weights as they are: what is saved is what training began with.
    config = training(**NEXT | {"lr": 1e-30}, objective=objective, init=trained)
    pretrain(config, ModelConfig(), longer, tmp_path / "on")
    old = load_file(trained / "checkpoints/step-150/model.safetensors")
    new = load_file(tmp_path / "on/checkpoints/step-1/model.safetensors")
    rows = len(old[TABLE[objective]])
    for name, value in old.items():
        assert torch.equal(new[name][:rows] if value.shape != new[name].shape else new[name], value), name
    tokenizer, longer_one = load_tokenizer(pipeline / "tokenizer"), load_tokenizer(longer / "tokenizer")
    entries = longer_one.tokens(range(longer_one.vocab_size))
    table, bias = new[TABLE[objective]], new.get("cls.predictions.bias")
    for word in WORDS[:2]:
        pieces = tokenizer.encode_batch([word], specials=False).ids.tolist()
        index = entries.index(word)
        assert len(pieces) > 1 and index >= rows
        assert torch.equal(table[index], table[pieces].mean(0))
        if bias is not None:
            assert torch.equal(bias[index], bias[pieces].mean())
    torch.testing.assert_close(table[entries.index("뷁수치")], table[5:rows].mean(0))
    if bias is not None:
        assert (bias[-5:] == bias[5:rows].min()).all()


def test_no_new_word_is_a_plain_warm_start_and_another_init_another_run(
    trained: Path, pipeline: Path, tmp_path: Path
) -> None:
    config = training(**NEXT, objective=trained.name, init=trained / "checkpoints" / "step-150")
    manifest = pretrain(config, ModelConfig(), pipeline / "shards", tmp_path / "on")
    assert manifest.counts["init"]["new"] == 0
    assert abs(loss(tmp_path / "on") - loss(trained)) < 0.01
    assert pretrain(config, ModelConfig(), pipeline / "shards", tmp_path / "on").key == manifest.key
    elsewhere = tmp_path / "copy"
    shutil.copytree(trained / "checkpoints" / "step-150", elsewhere)
    same = config.model_copy(update={"init": elsewhere})
    assert pretrain(same, ModelConfig(), pipeline / "shards", tmp_path / "on").key == manifest.key
    other = config.model_copy(update={"init": trained / "checkpoints" / "step-75"})
    with pytest.raises(MalmoiError, match=r"MM0505.*pretrain\.init"):
        pretrain(other, ModelConfig(), pipeline / "shards", tmp_path / "on")
    resumed = pretrain(
        config.model_copy(update={"steps": 3}), ModelConfig(), pipeline / "shards", tmp_path / "on"
    )
    assert (resumed.counts["step"], resumed.counts["init"]["new"]) == (3, 0)


def test_a_model_of_transformers_with_unused_entries(pipeline: Path, tmp_path: Path) -> None:
    """BertForMaskedLM as it comes, a matrix longer than its vocabulary; [unused] entries become words."""
    transformers = pytest.importorskip("transformers")
    tokenizer = load_tokenizer(pipeline / "tokenizer")
    entries = tokenizer.tokens(range(tokenizer.vocab_size))
    entries[50:50] = ["[unused0]", "[unused1]"]
    (tmp_path / "peer").mkdir()
    (tmp_path / "peer/vocab.txt").write_text("\n".join(entries) + "\n", "utf-8")
    shape = transformers.BertConfig(
        vocab_size=len(entries) + 30, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=40,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.BertForMaskedLM(shape).save_pretrained(tmp_path / "peer")
    words = tmp_path / "words.txt"
    words.write_text("도서관\n새낱말\n", "utf-8")
    extended, shards, out = (str(tmp_path / name) for name in ("extended", "shards", "out"))
    peer = str(tmp_path / "peer")
    assert run(["tokenizer", "extend", peer, "--words", str(words), "--out", extended]) == 0
    assert (
        run(["shards", "build", str(pipeline / "corpus"), extended, "--out", shards, "--workers", "1"]) == 0
    )
    sets = ["row_len=32", "batch_size=4", "lr=1e-30", "device=cpu", "precision=fp32", "threads=1"]
    command = ["pretrain", shards, "--from", peer, "--steps", "1", "--out", out]
    assert run(command + [word for s in sets for word in ("--set", f"pretrain.{s}")]) == 0
    old, new = (load_file(Path(f) / "model.safetensors") for f in (peer, f"{out}/checkpoints/step-1"))
    a, b = old[TABLE["mlm"]], new[TABLE["mlm"]]
    same = [i for i in range(len(entries)) if i not in (50, 51)]
    assert len(b) == len(entries)
    torch.testing.assert_close(a[same], b[same], rtol=0, atol=1e-29)  # its row of [PAD] is all zeros
    peer_tokenizer = load_tokenizer(tmp_path / "peer")
    pieces = peer_tokenizer.encode_batch(["도서관"], specials=False).ids.tolist()
    assert torch.equal(b[50], a[pieces].mean(0)) and not torch.equal(b[51], a[51])
    assert read_manifest(Path(out)).config["model"]["hidden"] == 32


# ---- what does not go together


def test_an_entry_that_moved_is_named(trained: Path, pipeline: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(pipeline / "tokenizer")
    entries = tokenizer.tokens(range(tokenizer.vocab_size))
    entries[20], entries[21] = entries[21], entries[20]
    (tmp_path / "vocab.txt").write_text("\n".join(entries) + "\n", "utf-8")
    with pytest.raises(MalmoiError, match=rf"MM0265.*id 20 was '{entries[21]}' and is now '{entries[20]}'"):
        compare_vocabularies(open_init(trained, trained.name, tmp_path / "out"), tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(entries[:20]) + "\n", "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0265.*id 20 was"):
        compare_vocabularies(open_init(trained, trained.name, tmp_path / "out"), tmp_path)


def test_entries_that_became_words_are_told_and_words_that_are_gone_refused(
    trained: Path, pipeline: Path, tmp_path: Path
) -> None:
    plain = load_tokenizer(pipeline / "tokenizer")
    assert isinstance(plain, WordPiece)
    words = [entry for entry in plain.entries if "가" <= entry <= "힣"][:2]
    model = tmp_path / "model"
    with_words = WordPiece(plain.entries, words=words)
    with_words.one_spelling = plain.one_spelling
    with_words.save(model)
    reporter = Heard()
    found = compare_vocabularies(open_init(trained, trained.name, tmp_path / "out"), model, reporter)
    ((code, told),) = reporter.warned
    assert (code, told["name"], told["new"], found.pieces) == ("MM0270", "words", ", ".join(words), {})
    shutil.copy(trained / "checkpoints" / "step-150" / "config.json", model)
    with pytest.raises(MalmoiError, match=rf"MM0269.*words was '{', '.join(words)}' and is now '-'"):
        compare_vocabularies(Init(model, {}), pipeline / "tokenizer")


def test_the_words_that_are_added_are_no_deviation(trained: Path, longer: Path, tmp_path: Path) -> None:
    reporter = Heard()
    init = open_init(trained, trained.name, tmp_path / "out")
    found = compare_vocabularies(init, longer / "tokenizer", reporter)
    assert (reporter.warned, len(found.pieces)) == ([], 3)


def test_folders_that_lack_something(
    trained: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trained.name == "electra":
        alone = tmp_path / "alone"
        shutil.copytree(trained / "checkpoints" / "step-150", alone)
        shutil.rmtree(alone / "generator")
        with pytest.raises(MalmoiError, match="MM0266"):
            open_init(alone, "electra", tmp_path / "out")
        return
    step = trained / "checkpoints" / "step-150"

    def fails(config: object, model: ModelConfig = ModelConfig()) -> MalmoiError:  # noqa: B008
        with pytest.raises(MalmoiError) as error:
            pretrain(config, model, shards, tmp_path / "out")  # type: ignore[arg-type]
        assert not (tmp_path / "out").exists()
        return error.value

    start = training(**NEXT, init=step)
    error = fails(start.model_copy(update={"objective": ElectraConfig()}))
    assert error.code == "MM0268" and error.do.endswith("--set pretrain.objective=mlm")
    monkeypatch.setitem(OBJECTIVES, "second", OBJECTIVES["mlm"])
    error = fails(start.model_copy(update={"objective": ElectraConfig()}))
    assert error.why == "electra continues models of kind electra; objectives for kind bert: mlm, second."
    assert fails(start.model_copy(update={"init": tmp_path / "nowhere"})).code == "MM0402"
    assert fails(start, ModelConfig(hidden=64)).code == "MM0507"
    headless = tmp_path / "headless"
    transformers = pytest.importorskip("transformers")
    transformers.BertModel.from_pretrained(step).save_pretrained(headless)
    shutil.copy(step / "vocab.txt", headless)
    error = fails(start.model_copy(update={"init": headless}))
    assert (error.code, error.values["head"]) == ("MM0410", "masked LM")
    with pytest.raises(ValueError, match="init \\+ weight_init=cooccurrence"):
        PretrainConfig(init=step, weight_init="cooccurrence")
    damaged = tmp_path / "damaged"
    shutil.copytree(step, damaged)
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-5}))
    assert fails(start.model_copy(update={"init": damaged})).code == "MM0013"


@torch.no_grad()
def test_new_entries_take_no_more_probability_than_average_ones(trained: Path) -> None:
    """Jensen: the exponential of a mean logit is at most the mean of the exponentials, so log Z grows by
    log(1 + new / known) at most, whatever stands in the text."""
    if trained.name == "electra":
        pytest.skip("one trained model is enough")
    model = read_masked_lm(trained / "checkpoints" / "step-150").eval()
    rows = model.encoder.config.vocab_size
    found = Vocabularies({rows: (), rows + 1: ()}, (rows + 2, rows + 3), tuple(range(rows)))
    words_VE = grown(model.encoder.embeddings.word.weight, rows + 4, found, quiet=False)
    bias_V = grown(model.head.bias, rows + 4, found, quiet=True)
    ids = torch.randint(5, rows, (24,), generator=torch.Generator().manual_seed(0)).tolist()
    hidden = model.encoder(batch_of([[[2, *ids, 3]]], 32), torch.arange(1, 25))
    before = model.head(hidden, model.encoder.embeddings.word.weight)
    model.head.bias = torch.nn.Parameter(bias_V)
    after = model.head(hidden, words_VE)
    assert torch.equal(after[:, :rows], before)
    more = after.logsumexp(1) - before.logsumexp(1)
    assert more.min() >= 0 and more.max() <= math.log(1 + 4 / rows) + 1e-6


def test_rows_by_hand() -> None:
    old = torch.arange(10.0).reshape(5, 2)
    found = grown(old, 8, Vocabularies({2: (3, 4), 5: (), 6: (1,)}, (7,), (1, 3)), quiet=False)
    assert found.tolist() == [[0, 1], [2, 3], [7, 8], [6, 7], [8, 9], [4, 5], [2, 3], [4, 5]]
    bias = grown(torch.tensor([5.0, 1, 2, 4, 0]), 7, Vocabularies({5: ()}, (6,), (1, 3)), quiet=True)
    assert bias.tolist() == [5, 1, 2, 4, 0, 2.5, 1]
    assert grown(old, 3, Vocabularies({}, (), (1,)), quiet=False).tolist() == old[:3].tolist()
