"""Extending: nothing that was there moves, [unused] goes first, and proposals save what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.cli.main import run
from malmoi.errors import MalmoiError
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.about import read_settings
from malmoi.tokenizer.extend import ExtendConfig, extend, extend_tokenizer
from malmoi.tokenizer.propose import propose_words
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import TEXT

PARTICLES = ["은", "이", "의", "에서", "까지", "만", "도", "에게"]
# A domain: two terms the small vocabulary does not know, one of them with a syllable it has never seen.
DOMAIN = "".join(
    f"심부전{a} 여름에 뷁수치{b} 할머니는 {'만성' * (a == b)}심부전{b} 읽었습니다.\n"
    for a in PARTICLES
    for b in PARTICLES
)


def padded(small: WordPiece, unused: int) -> WordPiece:
    half = len(small.entries) // 2
    free = [f"[unused{i}]" for i in range(unused)]
    return WordPiece([*small.entries[:half], *free, *small.entries[half:]])


def tokens(tokenizer: WordPiece, text: str) -> list[str]:
    return tokenizer.tokens(tokenizer.encode_batch([text], specials=False).ids)


def test_unused_entries_are_filled_and_the_size_stays(small: WordPiece) -> None:
    before = padded(small, 8)
    after = extend(before, ["심부전", "말모이"])
    at = before.entries.index("[unused0]")
    assert after.vocab_size == before.vocab_size
    assert after.entries[at : at + 3] == ["심부전", "말모이", "[unused2]"]
    assert [b for i, b in enumerate(after.entries) if i not in (at, at + 1)] == [
        b for i, b in enumerate(before.entries) if i not in (at, at + 1)
    ]
    assert tokens(after, "심부전 말모이") == ["심부전", "말모이"]
    assert after.learned == small.vocab_size + 2


def test_then_it_grows_to_a_multiple_of_8(small: WordPiece) -> None:
    before = padded(small, 1)
    words = [f"새낱말{chr(0xAC00 + 28 * i)}" for i in range(5)]
    after = extend(before, words)
    assert after.vocab_size % 8 == 0 and after.vocab_size - before.vocab_size < 4 + 8
    assert after.entries[: before.vocab_size] == [
        words[0] if entry == "[unused0]" else entry for entry in before.entries
    ]
    assert after.entries[before.vocab_size :][:5] == [*words[1:], "[unused1]"]
    assert len(set(after.entries)) == after.vocab_size


def test_a_word_that_is_there_takes_no_room_and_is_never_split_from_now_on(small: WordPiece) -> None:
    assert "마당에서" in small.entries
    after = extend(small, ["마당에서", "마당에서"])
    assert after.entries == small.entries
    assert "마당에서" not in tokens(small, "앞마당에서도")
    assert "마당에서" in tokens(after, "앞마당에서도")
    assert extend(after, ["마당에서"]).words == ("마당에서",)


def test_proposals_are_the_terms_without_their_particles(small: WordPiece) -> None:
    found = propose_words(small, [DOMAIN], 2)
    assert {proposal.word for proposal in found} == {"심부전", "뷁수치"}
    assert [proposal.count for proposal in found if proposal.word == "심부전"] == [128]
    assert found == propose_words(small, [DOMAIN], 2)


def test_a_proposal_saves_as_many_tokens_as_it_says(small: WordPiece) -> None:
    known = DOMAIN.replace("뷁", "")
    # With an entry for every letter nothing is [UNK], and costs are plain counts of tokens.
    forms = [form for letter in sorted(set("".join(known.split()))) for form in (letter, f"##{letter}")]
    before = WordPiece([*small.entries, *(form for form in forms if form not in small.entries)])
    assert small.special.unk not in before.encode_batch([known]).ids
    tokenizer, text = before, known.split("\n")
    for proposal in propose_words(before, [known], 5):
        more = extend(tokenizer, [proposal.word])
        fewer = sum(
            len(t.encode_batch(text, specials=False).ids) * s for t, s in ((tokenizer, 1), (more, -1))
        )
        assert fewer == proposal.saved > 0
        tokenizer = more


def test_nothing_is_proposed_for_text_that_is_known(small: WordPiece) -> None:
    assert propose_words(small, ["할머니는 마당에서\n" * 50], 10) == []
    assert propose_words(small, [""], 10) == []


def test_koelectra_s_unused_entries(shared_data: Path, tmp_path: Path) -> None:
    """A peer's vocab.txt: 32,200 entries, [unused0] to [unused199] at their end."""
    file = tmp_path / "words.txt"
    file.write_text("말모이\n심부전\n세종 대왕\n", "utf-8")
    peer = shared_data / "tokenizers/koelectra_32200/vocab.txt"
    assert run(["tokenizer", "extend", str(peer), "--words", str(file), "--out", str(tmp_path / "out")]) == 0
    before, after = load_tokenizer(peer), load_tokenizer(tmp_path / "out")
    changed = [i for i in range(32_200) if before.tokens([i]) != after.tokens([i])]
    assert after.vocab_size == before.vocab_size
    assert before.tokens(changed) == ["[unused0]", "[unused1]", "[unused2]"][: len(changed)]
    assert isinstance(after, WordPiece)
    assert tokens(after, "새말모이를 세종 대왕의")[1:3] == ["말모이", "를"]
    from transformers import AutoTokenizer

    text = "새말모이를 심부전의 세종 대왕께"
    theirs = AutoTokenizer.from_pretrained(tmp_path / "out")(text)["input_ids"]
    assert after.encode_batch([text]).ids.tolist() == theirs


def test_from_a_corpus(small: WordPiece, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.save(tmp_path / "tokenizer")
    corpus = make_corpus(tmp_path / "corpus", [DOMAIN], [DOMAIN[:200]])
    words = ["tokenizer", "extend", str(tmp_path / "tokenizer"), "--out", str(tmp_path / "out")]
    assert run([*words, "--from-corpus", str(corpus), "--add", "2"]) == 0
    shown = capsys.readouterr().out
    assert "심부전" in shown and "뷁수치" in shown and "128" in shown
    manifest = extend_tokenizer(ExtendConfig(add=2), tmp_path / "tokenizer", tmp_path / "out", corpus=corpus)
    counts = manifest.counts
    assert counts["unk_percent"] < counts["unk_percent_before"] / 10
    assert [len(word["tokens_before"]) for word in counts["added"]] == [
        len(tokens(small, word["word"])) for word in counts["added"]
    ]


def test_mistakes(small: WordPiece, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.save(tmp_path / "tokenizer")
    assert run(["tokenizer", "extend", str(tmp_path / "tokenizer"), "--out", str(tmp_path / "out")]) == 2
    assert "MM0264" in capsys.readouterr().err
    corpus = make_corpus(tmp_path / "corpus", [TEXT[:200]], [])
    with pytest.raises(MalmoiError, match="MM0263"):
        extend_tokenizer(
            ExtendConfig(add=2, min_count=99), tmp_path / "tokenizer", tmp_path / "out", corpus=corpus
        )
    assert not (tmp_path / "out").exists()


def test_the_folder_is_sealed_tells_how_it_was_made_and_is_never_its_own_source(
    small: WordPiece, tmp_path: Path
) -> None:
    told = {"analyzer": {"analyzer": "mecab"}, "inside": "word"}
    WordPiece(small.entries, kind="morpheme-wordpiece", told=told).save(tmp_path / "in")
    config = ExtendConfig(words=("말모이",))
    extend_tokenizer(config, tmp_path / "in", tmp_path / "out")
    about = read_settings(tmp_path / "out" / "malmoi.json")
    assert {name: about[name] for name in told} == told and "vocab.txt" in about["files"]
    with pytest.raises(MalmoiError, match="MM0244"):
        extend_tokenizer(config, tmp_path / "in", tmp_path / "in")
