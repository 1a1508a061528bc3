"""The character n-gram baseline: TF-IDF and a linear model, the bar a neural row must clear.

Without it a table of neural rows misleads: two under-trained encoders within a point of each other look
like a finding until this baseline is 3 points above both. Classes are learned by logistic
regression, scores by ridge regression; for a pair the cosine alone is tried too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.artifact.finished import Draft
from malmoi.errors import MalmoiError
from malmoi.finetune.goal import settled
from malmoi.finetune.judged import Judged, judged
from malmoi.finetune.record import warn_if_constant, write_predictions, write_scores
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples, Text

# All chosen on dev. char_wb pads each eojeol with spaces, so a particle at its end differs from the same
# syllable inside: Korean's nearest thing to morphology without an analyzer. On 20,000 NSMC rows the nine
# range from 84.2 to 85.1 on dev; n-grams across spaces (`char`) gain .3 more at 1.5 times the features.
NGRAMS = ((1, 2), (1, 3), (1, 4))
STRENGTHS = (1.0, 4.0, 16.0)  # of logistic regression (C)
PENALTIES = (1.0, 4.0, 16.0)  # of ridge regression (alpha)

# From features to (N, C) answers: probabilities, or scores on the file's scale.
Answer = Callable[[Any], NDArray[np.float32]]


def characters(data: TaskData, draft: Draft, reporter: Reporter = SILENT) -> None:
    """Fit on train for each n-gram range, choose on dev, score test once; writes what a run writes.

    Deterministic, so it is run once and has no spread. Raises MM0701 if scikit-learn is not installed.
    """
    need_scikit_learn()
    goal = settled(data.task.kind, data.labels)  # linear models answer on the file's scale by themselves
    gold_N, dev_gold_N = goal.gold(data.train), goal.gold(data.dev)
    best: tuple[Judged, Features, Answer, dict[str, Any]] | None = None
    with reporter.step("league.characters", total=len(NGRAMS), unit="cell") as step:
        for ngrams in NGRAMS:
            features = Features(ngrams, data.train)
            train, dev = features(data.train.texts), features(data.dev.texts)
            for chosen, answer in _models(data, train, gold_N):
                found = judged(goal, data.task.metric, answer(dev), dev_gold_N)
                if best is None or found.score > best[0].score:
                    best = found, features, answer, {"ngrams": list(ngrams), **chosen}
            step.advance(1, f"{ngrams[0]}–{ngrams[1]}")
    assert best is not None
    on_dev, features, answer, chosen = best
    test = None
    if data.test is not None:
        answers_NC = answer(features(data.test.texts))
        test = judged(goal, data.task.metric, answers_NC, goal.gold(data.test))
        write_predictions(draft.path / "predictions.tsv", data.test, answers_NC, data)
    write_scores(draft.path, data, seed=None, dev=on_dev, test=test, chosen=chosen)
    warn_if_constant(data, on_dev, test, reporter)


def need_scikit_learn() -> None:
    """Raise MM0701 if it is not installed."""
    try:
        import sklearn.linear_model  # noqa: F401
    except ModuleNotFoundError:
        raise MalmoiError("MM0701") from None


def _models(data: TaskData, train: Any, gold_N: NDArray[Any]) -> Iterator[tuple[dict[str, Any], Answer]]:
    """Fitted models and their settings, simplest first (ties go to the first)."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if data.task.kind == "classify":
        for strength in STRENGTHS:
            model = LogisticRegression(C=strength, max_iter=1000).fit(train, gold_N)
            yield {"C": strength}, _shares(model, len(data.labels))
        return
    if data.pair:
        # The plain cosine: a line fitted to the training rows puts it on their scale and keeps the ranks.
        yield {"cosine": "only"}, _line(_cosine(train), gold_N)
    for penalty in PENALTIES:
        yield {"alpha": penalty}, _ratings(Ridge(alpha=penalty).fit(train, gold_N))


def _line(cosine_N: NDArray[np.float64], gold_N: NDArray[Any]) -> Answer:
    centred_N = cosine_N - cosine_N.mean()
    slope = float(centred_N @ gold_N) / max(float(centred_N @ centred_N), 1e-12)
    start = float(gold_N.mean()) - slope * float(cosine_N.mean())
    return lambda rows: (start + slope * _cosine(rows)).astype(np.float32)[:, None]


def _cosine(rows: Any) -> NDArray[np.float64]:
    """(N,) the last feature of a pair."""
    return np.asarray(rows[:, -1].todense(), np.float64)[:, 0]


def _shares(model: Any, classes: int) -> Answer:
    """(N, classes); a label that training rows lack gets 0."""

    def answer(rows: Any) -> NDArray[np.float32]:
        answers = np.zeros((rows.shape[0], classes), np.float32)
        answers[:, model.classes_] = model.predict_proba(rows)
        return answers

    return answer


def _ratings(model: Any) -> Answer:
    """(N, 1)."""
    return lambda rows: model.predict(rows).astype(np.float32)[:, None]


class Features:
    """Texts to sparse rows. A pair becomes |a - b|, a·b (both per n-gram) and the cosine of a and b."""

    def __init__(self, ngrams: tuple[int, int], train: Examples) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.vectorizer = TfidfVectorizer(
            analyzer="char_wb",
            ngram_range=ngrams,
            min_df=2,
            sublinear_tf=True,
            lowercase=False,
            dtype=np.float32,
        )
        self.vectorizer.fit(
            part for text in train.texts for part in ([text] if isinstance(text, str) else text)
        )

    def __call__(self, texts: list[Text]) -> Any:
        """(N, features) in CSR form."""
        from scipy.sparse import csr_matrix, hstack

        if isinstance(texts[0], str):
            return self.vectorizer.transform(texts)
        a = self.vectorizer.transform([text[0] for text in texts])
        b = self.vectorizer.transform([text[1] for text in texts])
        product = a.multiply(b)
        return hstack([abs(a - b), product, csr_matrix(product.sum(axis=1))], format="csr")
