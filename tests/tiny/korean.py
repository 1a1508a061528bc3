"""A few sentences of our own, enough to learn a small vocabulary from, and the odd texts users have."""

from __future__ import annotations

from itertools import product

WHO = ("할머니는", "동생이", "우리 반 선생님은", "옆집 고양이가", "기차 기관사는", "Kim 대리가")
WHEN = ("아침마다", "지난 여름에", "비가 오면", "3월 2일부터", "밤늦게까지")
WHAT = (
    "마당에서 고추를 말렸다.",
    "도서관에서 옛날이야기를 읽었습니다!",
    "창밖을 보며 노래를 불렀어요~",
    "시장에 들러 두부와 콩나물을 샀다.",
    "편지를 쓰다가 잠들었다...",
    "텃밭(菜田)의 상추를 뜯어 비빔밥을 만들었지ㅋㅋ",
)
SENTENCES = [" ".join(words) for words in product(WHO, WHEN, WHAT)]
DOCUMENTS = [SENTENCES[at : at + 9] for at in range(0, len(SENTENCES), 9)]
TEXT = "\n\n".join("\n".join(document) for document in DOCUMENTS) + "\n"

ODD = [
    "",
    " ",
    "\u200b",
    "가\u200b나 다\u0000라",
    "\ufeff할머니는",
    "\ud800 깨진 글자 \udfff",
    "👩‍👩‍👧 가족 🇰🇷",
    "ㅋㅋㅋ ㅏㅏ ㄱㅏ",
    "\u1100 홀로 선 첫소리",
    "\u1161\u11a8",
    "e\u0301te\u0301 a\u0323\u0307",
    "\u0958 안 합쳐지는 글자",
    "가\u0301나",
    "텃밭(菜田)의，상추。",
    "[MASK] [SEP] 는 글자일 뿐 [UNK]",
    "a" * 101 + " 긴 낱말",
    "줄\n바꿈\r\n도\t있다\u2028",
    "ＡＢＣ １２３ ①② ㎏",
    "##앞에 붙은 표",
    "\U0001f9d1\U0001f3fd‍\U0001f4bb개발자",
]
