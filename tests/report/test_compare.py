"""Two runs side by side: what differs, from which step and batch on; checked against slow computations."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from malmoi.artifact.finished import record_file
from malmoi.cli.main import run as malmoi
from malmoi.errors import MalmoiError
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.data.masking import Draw
from malmoi.pretrain.data.masking.bert import mask_rows
from malmoi.pretrain.data.packing import cut_rows
from malmoi.pretrain.data.random_bits import permute, random_bits
from malmoi.report.compare import RunComparison, compare
from malmoi.report.diff import findings, headline, write_diff
from malmoi.shards.format import Part, Shards
from malmoi.tokenizer import load_tokenizer
from tests.tiny.runs import MODEL, TRAINING, train


def keys(rows: list) -> list[str]:  # type: ignore[type-arg]
    return [row.key for row in rows]


def told(found: RunComparison) -> str:
    return "\n".join([headline(found), *(said.text for said in findings(found))])


def sequences(shards: Shards, number: int, seed: int, row_len: int = 32) -> list[tuple[Part, int, int]]:
    """Row `number` of the endless order, the slow way: part, start and length of each sequence."""
    cuts = [cut_rows(part.sentences, part.documents, row_len) for part in shards.train]
    rows = [
        (part, cut, r) for part, cut in zip(shards.train, cuts, strict=True) for r in range(len(cut[2]) - 1)
    ]
    epoch, place = divmod(number, len(rows))
    at = permute(np.array([place]), len(rows), int(random_bits(seed, 0, epoch)))[0]
    part, (starts, lengths, firsts), row = rows[at]
    return [(part, int(starts[s]), int(lengths[s])) for s in range(firsts[row], firsts[row + 1])]


def laid_out(shards: Shards, number: int, seed: int, row_len: int = 32) -> list[int]:
    ids: list[int] = []
    for part, start, length in sequences(shards, number, seed, row_len):
        ids += [shards.special.cls, *part.ids[start : start + length].tolist(), shards.special.sep]
    return ids + [shards.special.pad] * (row_len - len(ids))


@pytest.fixture(scope="module")
def base(whole: Path) -> Path:
    return whole / "pretrain" / "mlm"


def test_a_run_is_the_same_as_itself_repeated(whole: Path, base: Path, tmp_path: Path) -> None:
    again = train(whole / "shards", tmp_path / "again", log_every=6, micro_batch_size=8)
    found = compare(base, again)
    assert found.same and found.curve is None and found.batches.first is None
    assert found.identity == [] and found.data == []
    assert set(keys(found.execution)) == {"pretrain.log_every", "pretrain.micro_batch_size"}
    assert found.batches.compared == 12
    assert found.logged >= 2 * 3
    assert told(found).startswith("Everything that decides the result is the same.")
    assert "All 12 batches have the same rows and masks." in told(found)


def test_echoes_are_seen_as_the_network_reads_them(whole: Path, base: Path, tmp_path: Path) -> None:
    echoing = train(whole / "shards", tmp_path / "echoing", copy_rate=1.0, steps=2)
    found = compare(base, echoing)
    first = found.batches.first
    assert keys(found.identity) == ["pretrain.copy_rate"]
    assert first is not None and (first.k, first.what) == (0, "text") and first.right is not None
    tokens = [token for token, _ in first.right.tokens]
    assert tokens.count("[CLS]") * 2 == tokens.count("[SEP]"), "every sequence has two segments"


def test_another_seed_differs_from_the_first_batch_on(whole: Path, base: Path, tmp_path: Path) -> None:
    other = train(whole / "shards", tmp_path / "other", seed=7, steps=3)
    found = compare(base, other)
    assert not found.same
    assert keys(found.identity) == ["pretrain.seed"]
    assert (found.identity[0].left, found.identity[0].right) == ("0", "7")
    assert found.curve is not None and found.curve.step == 3
    first = found.batches.first
    assert first is not None and (first.k, first.what) == (0, "text")
    shards = Shards.open(whole / "shards")
    expected = next(r for r in count() if laid_out(shards, r, 0) != laid_out(shards, r, 7))
    assert first.row == expected
    journals = [(run / "metrics.jsonl").read_text("utf-8").splitlines() for run in (base, other)]
    values = [next(e for e in map(json.loads, lines) if e["step"] == 3) for lines in journals]
    name = found.curve.name
    assert (found.curve.left, found.curve.right) == (values[0][name], values[1][name])


def test_one_changed_token_is_found_where_it_is_first_read(whole: Path, base: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole / "shards", out / "shards")
    before = Shards.open(whole / "shards")
    part, start, _ = sequences(before, 45, 0)[0]
    place = start + 2
    ids = np.load(out / "shards" / part.name / "ids.npy")
    ids[place] = ids[place] + 1 if ids[place] + 1 < before.vocab_size else ids[place] - 1
    np.save(out / "shards" / part.name / "ids.npy", ids)
    manifest = json.loads((out / "shards" / "manifest.json").read_text("utf-8"))
    name = f"{part.name}/ids.npy"
    manifest["files"][name] = record_file(out / "shards" / name).model_dump()
    (out / "shards" / "manifest.json").write_text(json.dumps(manifest))
    changed = train(out / "shards", out / "pretrain", steps=2)

    after = Shards.open(out / "shards")
    numbers = range(TRAINING.batch_size * TRAINING.steps)
    odd = [r for r in numbers if laid_out(before, r, 0) != laid_out(after, r, 0)]
    longer = json.loads((changed / "manifest.json").read_text("utf-8"))
    longer["config"]["pretrain"]["steps"] = TRAINING.steps  # as if it were still running
    (changed / "manifest.json").write_text(json.dumps(longer))
    found = compare(base, out)
    assert "shards" in keys(found.data) and found.identity == []
    assert odd[0] == 45
    first = found.batches.first
    assert first is not None and first.what == "text"
    assert (first.k, first.row) == (5, 5)
    assert first.left is not None and first.right is not None
    assert sum(marked for _, marked in first.left.tokens) <= 1  # a masked token looks the same in both
    assert first.left.place.startswith(f"{part.name}[{start}:")


def test_other_masks_over_the_same_text(whole: Path, base: Path, tmp_path: Path) -> None:
    other = train(whole / "shards", tmp_path / "other", mask_rate=0.4, steps=2)
    found = compare(base, other)
    assert keys(found.identity) == ["pretrain.mask_rate"]
    first = found.batches.first
    assert first is not None and (first.k, first.what) == (0, "masks")
    shards = Shards.open(whole / "shards")
    tokenizer = load_tokenizer(shards.tokenizer_folder)
    row = np.array([laid_out(shards, first.row, 0)])
    for side, rate in ((first.left, 0.15), (first.right, 0.4)):
        masked = mask_rows(row, Draw(np.array([first.row]), 0, rate, shards.special, shards.vocab_size))
        assert side is not None
        real = int((row != shards.special.pad).sum())
        assert [token for token, _ in side.tokens] == tokenizer.tokens(masked.ids_RL[0, :real])
    assert found.data == []


def test_another_rate_changes_the_curves_but_no_batch(whole: Path, base: Path, tmp_path: Path) -> None:
    other = train(whole / "shards", tmp_path / "other", lr=1e-3, steps=12)
    found = compare(base, other)
    assert keys(found.identity) == ["pretrain.lr"]
    assert found.batches.first is None and found.batches.compared == 12
    assert found.curve is not None and found.curve.step == 3
    assert "They differ: settings that change results, logged numbers" in told(found)


def test_larger_batches_and_other_models(whole: Path, base: Path, tmp_path: Path) -> None:
    larger = train(whole / "shards", tmp_path / "larger", batch_size=16, steps=2)
    first = compare(base, larger).batches.first
    assert first is not None
    assert (first.k, first.row, first.what) == (0, 8, "rows")
    assert "does not have the same number of rows: row 8 is in only one of them" in told(
        compare(base, larger)
    )
    assert first.left is None and first.right is not None and first.right.tokens
    deeper = train(
        whole / "shards", tmp_path / "deeper", ModelConfig(**{**MODEL.model_dump(), "layers": 1}), steps=2
    )
    found = compare(base, deeper)
    assert keys(found.identity) == ["model.layers"] and found.batches.first is None


def test_electra_against_mlm(whole: Path) -> None:
    found = compare(whole / "pretrain" / "mlm", whole / "pretrain" / "electra")
    assert "pretrain.objective.name" in keys(found.identity)
    assert found.batches.first is not None and found.batches.first.what == "masks"


def test_shards_that_are_gone(whole: Path, base: Path, tmp_path: Path) -> None:
    moved = tmp_path / "deep" / "down" / "run"
    shutil.copytree(base, moved)
    manifest = json.loads((moved / "manifest.json").read_text("utf-8"))
    manifest["counts"]["shards"] = str(tmp_path / "nowhere")
    (moved / "manifest.json").write_text(json.dumps(manifest))
    found = compare(base, moved)
    assert found.same and found.batches.reason == "report.diff.no_shards"
    assert "cannot be found" in told(found)


def test_which_run_is_meant(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as raised:
        compare(whole, whole)
    assert raised.value.code == "MM1003" and "electra, mlm" in raised.value.what
    for place in (whole / "corpus", tmp_path):
        with pytest.raises(MalmoiError, match="MM1004"):
            compare(place, place)


def test_the_page_shows_both(whole: Path, base: Path, tmp_path: Path) -> None:
    found = compare(base, whole / "pretrain" / "electra")
    write_diff(found, tmp_path / "d.html")
    page = (tmp_path / "d.html").read_text("utf-8")
    assert str(base) in page and "default-src 'none'" in page and "<script" not in page
    assert "pretrain.objective" in page and '<span class="odd">' in page and "<svg" in page


def test_the_verb_ends_as_diff_does(
    whole: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert malmoi(["diff", str(base), str(base), "--lang", "en"]) == 0
    assert "is the same" in capsys.readouterr().out
    electra = str(whole / "pretrain" / "electra")
    assert malmoi(["diff", str(base), electra, "--lang", "en", "--out", str(tmp_path / "d.html")]) == 1
    shown = capsys.readouterr().out
    assert "pretrain.objective" in shown and "The masks first differ in row" in shown
    assert (tmp_path / "d.html").exists()
    assert malmoi(["diff", str(base), electra, "--json"]) == 1
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["same"] is False and result["batches"]["first"]["what"] == "masks"
    assert malmoi(["diff", str(base), str(tmp_path), "--lang", "en"]) == 2
