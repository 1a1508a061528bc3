"""Korean that was encoded twice: UTF-8 bytes taken for Latin letters (cp1252, latin-1) and saved as UTF-8
again, so that a syllable stands as ì and two signs. No byte of such a file is wrong; only its letters show
it, and they show the way back.
"""

from __future__ import annotations

import codecs
import re

SAMPLE = 1 << 16
LEADS = re.compile("[\u00ea-\u00ed]")  # the first byte of every Hangul syllable, read as a letter
# cp1252 puts letters where latin-1 has control characters; its five gaps stay control characters, as in
# browsers.
CP1252 = {bytes([code]).decode("cp1252", "replace"): code for code in range(0x80, 0xA0)}
LATIN = str.maketrans({letter: chr(code) for letter, code in CP1252.items() if letter != "\ufffd"})


def _as_it_is(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return error.object[error.start : error.end].encode("utf-8", "replace"), error.end


codecs.register_error("malmoi.as_it_is", _as_it_is)


def is_twice(text: str) -> bool:
    """Whether `text` reads as Korean once its letters are taken for the bytes of UTF-8."""
    first = LEADS.search(text)
    if not first:
        return False
    sample = text[first.start() : first.start() + SAMPLE]
    before, after = _beyond(sample), _beyond(Undo().text(sample))
    # Letters that cannot be bytes stay what they are, so text that is sound already gains nothing. cp1252's
    # gaps lose 15 % of the syllables in programs that drop them: the rest still shows what happened.
    return _hangul(before) < 0.1 < 0.5 <= _hangul(after)


class Undo:
    """Undoes it block by block: a block may end inside a syllable."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def text(self, block: str, *, final: bool = False) -> str:
        return self._decoder.decode(block.translate(LATIN).encode("latin-1", "malmoi.as_it_is"), final)


def _beyond(text: str) -> str:
    return re.sub(r"[\x00-\x7f]+", "", text)


def _hangul(text: str) -> float:
    return len(re.findall("[가-힣]", text)) / max(1, len(text))
