"""Small vocabularies of the kinds that share pieces between words, learned once from sentences of ours."""

from __future__ import annotations

from functools import cache
from itertools import product

from malmoi.tokenizer import Tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.learner import LearningTask, learn
from tests.tiny.korean import TEXT

_NOUNS = (
    "할머니 동생 선생님 고양이 기관사 도서관 옛날이야기 마당 고추 노래 편지 텃밭 상추 비빔밥 두부 콩나물 시장"
)
_PARTICLES = "은 는 이 가 을 를 에게 도 만 까지 부터 에서 으로 와 과 처럼 보다 마다 이라고 에서는 까지도"
NOUNS, PARTICLES = _NOUNS.split(), _PARTICLES.split()
SHARED = (
    TEXT
    + "\n".join(" ".join(a + b for b in PARTICLES) for a in NOUNS)
    + "\n3월 12일, 203동 ㅋㅋㅋㅋ ㅋㅋ!\n[메모] unused 01\n"
)
SIZES: dict[str, int] = {"unigram": 196, "bpe": 254, "bytebpe": 397}
KINDS: list[str] = list(SIZES)
WORDS = [noun + particle for noun, particle in product(NOUNS, PARTICLES)]


def task(kind: str, text: str = SHARED, **settings: int) -> LearningTask:
    config = TokenizerConfig(kind=kind, **({"vocab_size": SIZES[kind]} | settings))
    return LearningTask(config, lambda: iter([text]), "corpus")


@cache
def learned(kind: str) -> Tokenizer:
    return learn(task(kind)).tokenizer
