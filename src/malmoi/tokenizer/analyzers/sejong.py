"""What both libraries are brought to: the Sejong tags that ETRI's vocabularies use, jamo of the compatibility
block, one morpheme for each symbol. Plain tables, since Unicode's own mappings (NFKC) miss half of the jamo.
"""

from __future__ import annotations

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


def sejong_tag(tag: str) -> str:
    """A library's tag as a Sejong tag, NA for one that is none. Of `VV-I` the part before the dash counts."""
    plain = tag.partition("-")[0]
    plain = _TAGS.get(plain, plain)
    return plain if plain in SEJONG else "NA"


def compatible(lemma: str) -> str:
    """A restored form with its jamo in the compatibility block."""
    return lemma if lemma.isascii() else lemma.translate(JAMO)


def symbol_tags(surface: str) -> list[str] | None:
    """A tag for each character of a run of symbols; None where the surface holds a letter or a digit.

    Runs are open-ended (`》(`, `!!!!`, `",`): whole, each would be an entry of its own or [UNK].
    """
    if any(map(str.isalnum, surface)):
        return None
    return [SYMBOL_TAGS.get(symbol, "SW") for symbol in surface]
