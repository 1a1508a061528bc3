"""One sentence from the cleaner to a checkpoint's guesses; what is shown is what training does."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.cli.main import run as malmoi
from malmoi.errors import MalmoiError
from malmoi.pretrain.checkpoint import newest_checkpoint
from malmoi.pretrain.data.masking import Draw
from malmoi.pretrain.data.masking.bert import mask_rows
from malmoi.pretrain.objectives.protocol import Slots
from malmoi.progress import SILENT
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.trace.masks import _guesses, one_row, open_run
from malmoi.trace.run import _check_same, trace
from tests.tiny.pieces import learned
from tests.tiny.runs import TRAINING, train

TEXT = "동생은 주말에 강가에서 노래를  부른다. 옆집 아저씨는 겨울에도 빵을 굽는다ㅋㅋㅋㅋㅋ"


@pytest.fixture(scope="module")
def runs(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`mlm/` and `electra/`, four updates each."""
    folder = tmp_path_factory.mktemp("runs")
    for objective in ("mlm", "electra"):
        train(shards, folder / objective, objective=objective, steps=4, heldout_rows=8)
    return folder


def test_spans_point_into_the_cleaned_sentences(pipeline: Path) -> None:
    found = trace(TEXT, tokenizer=pipeline / "tokenizer")
    assert found.sentences == [
        "동생은 주말에 강가에서 노래를 부른다.",
        "옆집 아저씨는 겨울에도 빵을 굽는다ㅋㅋㅋ",
    ]
    assert found.tokens is not None
    for sentence, tokens in zip(found.sentences, found.tokens, strict=True):
        assert tokens and all(sentence[t.start : t.end] == t.text for t in tokens)
        assert all(t.entry.removeprefix("##") == t.text for t in tokens if not t.unknown)


def test_masks_are_those_of_training(pipeline: Path) -> None:
    tokenizer = load_tokenizer(pipeline / "tokenizer")
    found = trace(TEXT, tokenizer=pipeline / "tokenizer", seed=3)
    assert found.tokens is not None and found.masking is not None
    ids = [2, *(t.id for tokens in found.tokens for t in tokens), 3]
    row = np.array([ids], np.int64)
    masked = mask_rows(row, Draw(np.zeros(1, np.int64), 3, 0.15, tokenizer.special, tokenizer.vocab_size))
    assert [seen.shown for seen in found.masking.tokens] == tokenizer.tokens(masked.ids_RL[0])
    predicted = {i for i, seen in enumerate(found.masking.tokens) if seen.predicted}
    assert predicted == set(masked.slots_RC[masked.weights_RC > 0].tolist())
    assert len(predicted) == round(0.15 * (len(ids) - 2))
    assert trace(TEXT, tokenizer=pipeline / "tokenizer", seed=3).masking == found.masking
    assert trace(TEXT, tokenizer=pipeline / "tokenizer", seed=4).masking != found.masking


def test_a_masked_lm_guesses_what_transformers_guesses(runs: Path) -> None:
    transformers = pytest.importorskip("transformers")
    found = trace(TEXT, run=runs / "mlm")
    masking = found.masking
    assert masking is not None and masking.objective == "mlm" and masking.checkpoint is not None
    assert masking.checkpoint.name == "step-4"
    tokenizer = load_tokenizer(masking.checkpoint)
    ids = [tokenizer.tokens(range(tokenizer.vocab_size)).index(seen.shown) for seen in masking.tokens]
    model = transformers.BertForMaskedLM.from_pretrained(masking.checkpoint).eval()
    with torch.no_grad():
        chances = model(torch.tensor([ids])).logits[0].softmax(1)
    asked = [(i, seen) for i, seen in enumerate(masking.tokens) if seen.predicted]
    assert asked
    for i, seen in asked:
        assert len(seen.guesses) == 5
        best = chances[i].topk(5).values.tolist()
        assert [chance for _, chance in seen.guesses] == pytest.approx(best, abs=1e-4)
        assert seen.replaced is None


def test_electra_tells_the_replaced_of_every_token(runs: Path) -> None:
    transformers = pytest.importorskip("transformers")
    masking = trace(TEXT, run=runs / "electra").masking
    assert masking is not None and masking.objective == "electra" and masking.checkpoint is not None
    tokenizer = load_tokenizer(masking.checkpoint)
    entries = tokenizer.tokens(range(tokenizer.vocab_size))
    original = trace(TEXT, tokenizer=masking.checkpoint).tokens
    assert original is not None
    row = ["[CLS]", *(t.entry for tokens in original for t in tokens), "[SEP]"]
    read = [seen.sampled or entry for seen, entry in zip(masking.tokens, row, strict=True)]
    model = transformers.ElectraForPreTraining.from_pretrained(masking.checkpoint).eval()
    with torch.no_grad():
        wanted = model(torch.tensor([[entries.index(entry) for entry in read]])).logits[0].sigmoid()
    assert [seen.replaced for seen in masking.tokens] == pytest.approx(wanted.tolist(), abs=2e-4)
    assert any(seen.predicted and seen.guesses for seen in masking.tokens)


@pytest.mark.parametrize("objective", ["mlm", "electra"])
def test_a_checkpoint_s_tokenizer_is_ours_in_transformers(runs: Path, objective: str) -> None:
    """Decomposed text included; a checkpoint's config makes transformers think of classes of its own."""
    transformers = pytest.importorskip("transformers")
    folder = newest_checkpoint(runs / objective)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    ours = load_tokenizer(folder)
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, TEXT)
        pair = theirs(text, text, truncation=True, max_length=40)
        expected = ours.encode_batch([(text, text)], max_len=40)
        assert theirs(text)["input_ids"] == ours.encode_batch([TEXT]).ids.tolist()
        assert pair["input_ids"] == expected.ids.tolist()
        assert pair["token_type_ids"] == expected.segments.tolist()
    assert (theirs.mask_token_id, theirs.pad_token_id) == (ours.special.mask, ours.special.pad)


def test_what_does_not_fit_a_row_is_left_out(runs: Path) -> None:
    found = trace(" ".join([TEXT] * 3), run=runs / "mlm")
    assert found.masking is not None and found.tokens is not None
    assert len(found.masking.tokens) == TRAINING.row_len
    assert found.left_out == sum(map(len, found.tokens)) - (TRAINING.row_len - 2) > 0


def test_without_a_tokenizer_only_the_text_is_followed() -> None:
    found = trace("짧다")
    assert (found.tokens, found.masking, found.morphemes) == (None, None, [])
    assert found.cleaned.sentences[0].dropped == "too_short"


@pytest.mark.parametrize("text", ["", "  \n", "<br>", "\u200b"])
def test_nothing_to_follow(text: str) -> None:
    with pytest.raises(MalmoiError) as error:
        trace(text)
    assert error.value.code == "MM0256"


def test_another_tokenizer_than_the_runs_is_refused(runs: Path, tmp_path: Path) -> None:
    checkpoint = runs / "mlm" / "checkpoints" / "step-4"
    entries = (checkpoint / "vocab.txt").read_text("utf-8").split("\n")
    entries[10], entries[11] = entries[11], entries[10]
    (tmp_path / "vocab.txt").write_text("\n".join(entries), "utf-8")
    with pytest.raises(MalmoiError) as error:
        trace(TEXT, tokenizer=tmp_path / "vocab.txt", run=runs / "mlm")
    assert error.value.code == "MM0257"
    assert trace(TEXT, tokenizer=checkpoint / "vocab.txt", run=runs / "mlm").masking is not None
    plain = load_tokenizer(checkpoint)
    assert isinstance(plain, WordPiece)
    word = next(entry for entry in plain.entries if "가" <= entry <= "힣")
    WordPiece(plain.entries, words=[word]).save(tmp_path / "words")
    with pytest.warns(UserWarning, match=f"MM0270.*words was '-' and is now '{word}'"):
        trace(TEXT, tokenizer=tmp_path / "words", run=runs / "mlm")
    with pytest.raises(MalmoiError, match=f"MM0258.*words was '{word}' in training and is now '-'"):
        _check_same(plain, checkpoint, tmp_path / "words", SILENT)
    with pytest.raises(MalmoiError) as error:
        trace(TEXT, run=tmp_path)
    assert error.value.code == "MM0504"


def test_byte_level_tokens_are_shown_as_the_text_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learned("bytebpe").save(tmp_path)
    sentence = "할머니는 마당에서 뷁을 말렸다."
    found = trace(sentence, tokenizer=tmp_path)
    assert found.tokens is not None and found.masking is not None
    tokens = found.tokens[0]
    assert (tokens[0].entry[0], tokens[0].shown[0]) == ("Ġ", "▁")
    assert any(token.shown.startswith("▁\\x") for token in tokens)  # a part of 뷁
    row = ["[CLS]", *(token.shown for token in tokens), "[SEP]"]
    for seen, original in zip(found.masking.tokens, row, strict=True):
        assert seen.shown == original or seen.predicted
    words = ["trace", sentence, "--tokenizer", str(tmp_path), "--analyzer", "none"]
    assert malmoi(words) == 0
    printed = capsys.readouterr().out
    assert all(token.shown in printed for token in tokens) and "Ġ" not in printed
    assert malmoi([*words, "--json"]) == 0
    (result,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"result"' in line]
    first = result["tokens"][0][0]
    assert (first["entry"][0], first["shown"][0]) == ("Ġ", "▁")


def test_a_byte_level_run_guesses_in_letters(tmp_path: Path) -> None:
    learned("bytebpe").save(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    ids = tokenizer.encode_batch(["할머니는 마당에서"]).ids.tolist()
    logits = torch.zeros(1, tokenizer.vocab_size)
    logits[0, ids[1]] = 9
    asked = Slots(torch.tensor([1]), torch.tensor([ids[1]]), torch.tensor([1.0]))
    best = _guesses(asked, logits, tokenizer)[1][0]
    assert best[0].startswith("▁할") and best[1] > 0.9


def test_the_row_is_one_sequence(runs: Path) -> None:
    checkpoint = runs / "mlm" / "checkpoints" / "step-4"
    tokenizer = load_tokenizer(checkpoint)
    opened = open_run(runs / "mlm", tokenizer, checkpoint)
    collate = type(opened.objective).collator(*opened.objective.made_of)
    batch = collate(one_row([2, 7, 8, 9, 3]), np.zeros(1, np.int64), 0, 0.15)
    assert batch.text.positions_T.tolist() == [0, 1, 2, 3, 4]
    assert sorted(set(batch.text.cu_seqlens.tolist())) == [0, 5]
    assert replace(batch.text).rows == 1


def test_the_command_prints_and_speaks_json(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = ["trace", TEXT, "--run", str(runs / "electra"), "--analyzer", "none"]
    assert malmoi([*words, "--lang", "ko"]) == 0
    shown = capsys.readouterr().out
    assert "옆집 아저씨는 겨울에도 빵을 굽는다ㅋㅋㅋ" in shown and "바뀐 듯" in shown and "step-4" in shown
    assert malmoi([*words, "--json"]) == 0
    (result,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"result"' in line]
    assert result["sentences"][0] == "동생은 주말에 강가에서 노래를 부른다."
    assert len(result["masking"]["tokens"]) == sum(map(len, result["tokens"])) + 2
    assert malmoi(["trace", "", "--analyzer", "none"]) == 2
