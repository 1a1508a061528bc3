"""What both libraries are brought to: the Sejong tags that ETRI's vocabularies use, jamo of the compatibility
block, one morpheme for each symbol. Plain tables, since Unicode's own mappings (NFKC) miss half of the jamo.
"""

from __future__ import annotations

from collections.abc import Sequence

_SEJONG = """
NNG NNP NNB NR NP VV VA VX VCP VCN MM MAG MAJ IC JKS JKC JKG JKO JKB JKV JKQ JX JC EP EF EC ETN ETM
XPN XSN XSV XSA XR SF SP SS SE SO SW SL SH SN NA
"""
SEJONG = frozenset(_SEJONG.split())

# What a library calls it → Sejong. Mecab: counting nouns, brackets, separators, words it cannot place. Kiwi:
# brackets, bullets, and a final consonant hung onto an ending in chats (했어욥), which it tags like ㅋㅋ: SW.
_TAGS = {
    "NNBC": "NNB",
    "SSO": "SS",
    "SSC": "SS",
    "SC": "SP",
    "SY": "SW",
    "SB": "SW",
    "UNKNOWN": "NA",
    "UN": "NA",
    "Z_CODA": "SW",
    "Z_SIOT": "SW",
    "MMA": "MM",
    "MMD": "MM",
    "MMN": "MM",
}

_SYMBOLS = {
    ".?!。？！．": "SF",
    ",·:;/，：；／・、": "SP",
    "\"'`´‘’“”()[]{}<>〈〉《》「」『』【】〔〕（）［］｛｝＜＞«»―—": "SS",
    "…⋯": "SE",
    "-~∼〜～–‐‑‒−": "SO",
}
SYMBOL_TAGS = {symbol: tag for symbols, tag in _SYMBOLS.items() for symbol in symbols}

# Restored endings come in conjoining jamo (Mecab ᄇ U+1107, Kiwi ᆸ U+11B8); vocabularies write ㅂ U+3142.
_INITIAL = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"  # U+1100 to U+1112
_MEDIAL = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"  # U+1161 to U+1175
_FINAL = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"  # U+11A8 to U+11C2
JAMO = {
    first + index: jamo
    for first, block in ((0x1100, _INITIAL), (0x1161, _MEDIAL), (0x11A8, _FINAL))
    for index, jamo in enumerate(block)
}

_WITH_SILENT = str.maketrans({vowel: chr(ord("아") + 28 * index) for index, vowel in enumerate(_MEDIAL)})
_HARD = ord("았") - ord("아")
# Only 하 has these: 하여, 하였다. The dictionary writes 하 + 아, or ㅏ, 었, ㅕㅆ.
_AFTER_HA = str.maketrans("아어았었", "여여였였")


def sejong_tag(tag: str) -> str:
    """A library's tag as a Sejong tag, NA for one that is none. Of `VV-I` the part before the dash counts."""
    plain = tag.partition("-")[0]
    plain = _TAGS.get(plain, plain)
    return plain if plain in SEJONG else "NA"


def compatible(lemma: str) -> str:
    """A restored form with its jamo in the compatibility block."""
    return lemma if lemma.isascii() else lemma.translate(JAMO)


def restored(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The morphemes (lemma, tag) of a fused surface, with the endings that Sejong has: 줬 is 주 + 었 where
    mecab-ko-dic has 주 + ㅓㅆ in some entries, 했 is 하 + 였 where it has 하 + 았 in nearly all.

    Vowel harmony is left to the dictionary, which follows what is written (따라: 따르 + 아).
    """
    found: list[tuple[str, str]] = []
    stem, stem_tag = "", ""
    for lemma, tag in parts:
        if lemma[0] in _MEDIAL:
            if lemma[0] == "ㅔ" and not stem_tag.startswith("VC"):  # 세요 is 시 + 어요, but 예요 이 + 에요
                lemma = "어" + lemma[1:]
            if lemma[0] == "ㅕ":  # 하 apart, 그랬 is 그러 + 었
                lemma = "ㅓ" + lemma[1:]
            lemma = lemma[0].translate(_WITH_SILENT) + lemma[1:]
            if lemma[1:2] == "ㅆ":
                lemma = chr(ord(lemma[0]) + _HARD) + lemma[2:]
        if stem.endswith("하") and tag in ("EP", "EF", "EC"):
            lemma = lemma[0].translate(_AFTER_HA) + lemma[1:]
        found.append((lemma, tag))
        stem, stem_tag = (lemma, tag) if tag.startswith(("V", "XS")) else ("", "")
    return found


def symbol_tags(surface: str) -> list[str] | None:
    """A tag for each character of a run of symbols; None where the surface holds a letter or a digit.

    Runs are open-ended (`》(`, `!!!!`, `",`): whole, each would be an entry of its own or [UNK].
    """
    if any(map(str.isalnum, surface)):
        return None
    return [SYMBOL_TAGS.get(symbol, "SW") for symbol in surface]
