"""Claims: WordPiece with spans at least 5 times as fast as `tokenizers.encode_batch`, and no slower without
tokie; the same ids on a million lines; a vocabulary from 313 MB within 3 GB.

    python benchmarks/tokenizer.py [--quick]

MB (1e6 bytes of UTF-8) per CPU second of one core. `--quick`: a few MB, no claim worth quoting. Needs the
shared data beside the repository.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unicodedata
from itertools import islice
from pathlib import Path

from against.cpu import REVIEWS, VOCABULARY, WIKI, faster, read_lines, some_lines, take_turns
from against.rounds import claim
from memory import watch

from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer.wordpiece.engine import _load_tokie
from malmoi.tokenizer.wordpiece.model import WordPiece

AT_ONCE = 20_000
MALMOI = (sys.executable, "-m", "malmoi", "--quiet")
OURS, PLAIN, PEER = "malmoi: ids, spans", "malmoi without tokie", "tokenizers: encode_batch"


def main(quick: bool) -> None:
    missing = [path for path in (WIKI, REVIEWS, VOCABULARY) if not path.exists()]
    rates: dict[str, list[float]] = {}
    same = peak = None
    wanted = 40_000 if quick else 1_000_000
    if missing:
        print("not there: " + ", ".join(map(str, missing)))
    else:
        rates = speeds(4 if quick else 24, rounds=3 if quick else 7)
        same = identical(wanted)
        peak = training_peak(20 if quick else 400)
    claim(
        "tokenizer-wordpiece-vs-tokenizers",
        faster(rates, OURS, PEER),
        5,
    )
    claim("tokenizer-wordpiece-without-tokie", faster(rates, PLAIN, PEER), 0.95)
    claim("tokenizer-identical-lines", same, wanted, ",.0f")
    shown = "-" if peak is None else f"{peak:.0f}"
    verdict = "not-measured" if peak is None else "ok" if peak <= 3_000 else "short"
    print(f"claim tokenizer-training-peak-resident-mb {shown} goal 3000 {verdict}")


def speeds(megabytes: float, rounds: int) -> dict[str, list[float]]:
    """Ids (and spans) of Wikipedia, by us and by the library."""
    lines, size = some_lines(WIKI, megabytes)
    ours = load_tokenizer(VOCABULARY)
    assert isinstance(ours, WordPiece)
    plain = WordPiece(ours.entries, engine="tokenizers")
    library = ours._library
    tokie = _load_tokie(library)
    text = "\n".join(lines)

    def encode_batch() -> None:
        for encoding in library.encode_batch(lines, add_special_tokens=False):
            _ = encoding.ids

    def encode_batch_fast() -> None:
        for encoding in library.encode_batch_fast(lines, add_special_tokens=False):
            _ = encoding.ids

    contenders = {
        PEER: encode_batch,
        "tokenizers: encode_batch_fast": encode_batch_fast,
        OURS: lambda: ours.encode_batch(lines, specials=False),
        PLAIN: lambda: plain.encode_batch(lines, specials=False),
        "malmoi: ids, eojeols (for shards)": lambda: ours.encode_lines(text),
    }
    if tokie is None:
        print("tokie is not installed: malmoi runs without")
        contenders.pop(OURS)
    else:
        contenders["tokie: ids"] = lambda: tokie.encode_batch_flat(lines, add_special_tokens=False)
    return take_turns(contenders, rounds, size)


def identical(wanted: int) -> int | None:
    """Lines whose ids are those of `tokenizers` on the composed line, of the first `wanted` that differ from
    no library in being NFC: Wikipedia, then reviews. None where there are fewer lines."""
    ours = load_tokenizer(VOCABULARY)
    assert isinstance(ours, WordPiece)
    stream = islice(read_lines(WIKI, REVIEWS), wanted)
    same = seen = 0
    while lines := list(islice(stream, AT_ONCE)):
        found = ours.encode_batch(lines, specials=False)
        composed = [unicodedata.normalize("NFC", line) for line in lines]
        expected = ours._library.encode_batch_fast(composed, add_special_tokens=False)
        for index, encoding in enumerate(expected):
            if found.ids[found.row(index)].tolist() == encoding.ids:
                same += 1
            else:
                print(f"  line {seen + index + 1} differs: {lines[index][:60]!r}")
        seen += len(lines)
    print(f"identical: {same:,} of {seen:,} lines, by {ours.engine}")
    return same if seen == wanted else None


def training_peak(sample_mb: int) -> float:
    """Peak resident MB of learning 32,000 entries from so many MB of Wikipedia (400: all there is)."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        lines = read_lines(WIKI) if sample_mb > 300 else some_lines(WIKI, 1.5 * sample_mb)[0]
        with (out / "wiki.txt").open("w", encoding="utf-8") as stream:
            stream.writelines(f"{line}\n" for line in lines)
        subprocess.run(
            [*MALMOI, "corpus", "build", f"{out}/wiki.txt", "--out", f"{out}/corpus", "--workers", "1"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        train = ["tokenizer", "train", f"{out}/corpus", "--out", f"{out}/tokenizer"]
        peak, seconds = watch([*train, "--set", f"tokenizer.sample_mb={sample_mb}"])
        print(f"training on {sample_mb} MB at most: {peak:,.0f} MB resident, {seconds:.0f} s")
        return peak


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
