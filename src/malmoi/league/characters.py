"""A bag of characters: TF-IDF of character n-grams and logistic regression, the bar a neural row must clear.

Without it a table of neural rows misleads: two under-trained encoders within a point of each other look
like a finding until the bag of characters stands 3 points above both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.artifact import Draft
from malmoi.errors import MalmoiError
from malmoi.finetune.record import write_predictions, write_scores
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples, Text
from malmoi.tasks.metrics import classification_scores

# All chosen on dev. char_wb pads each eojeol with spaces, so a particle at its end differs from the same
# syllable inside: Korean's nearest thing to morphology without an analyzer. On 20,000 NSMC rows the nine
# lie between 84.2 and 85.1 on dev; n-grams across spaces (`char`) gain .3 more at 1.5 times the features.
NGRAMS = ((1, 2), (1, 3), (1, 4))
STRENGTHS = (1.0, 4.0, 16.0)  # of logistic regression (C)


def characters(data: TaskData, draft: Draft, reporter: Reporter = SILENT) -> None:
    """Fit on train for each n-gram range, choose on dev, score test once; writes what a run writes.

    Deterministic, so it is run once and has no spread. Raises MM0701 where scikit-learn is not installed.
    """
    try:
        from sklearn.linear_model import LogisticRegression
    except ModuleNotFoundError:
        raise MalmoiError("MM0701") from None
    place = {label: i for i, label in enumerate(data.labels)}
    gold = {
        name: np.array([place[label] for label in examples.labels], np.int64)
        for name, examples in (("train", data.train), ("dev", data.dev), ("test", data.test))
        if examples is not None
    }
    best: tuple[float, Any, Any, dict[str, Any], dict[str, Any]] | None = None
    with reporter.step("league.characters", total=len(NGRAMS), unit="cell") as step:
        for ngrams in NGRAMS:
            features = Features(ngrams, data.train)
            train, dev = features(data.train.texts), features(data.dev.texts)
            for strength in STRENGTHS:
                model = LogisticRegression(C=strength, max_iter=1000).fit(train, gold["train"])
                answers = _probabilities(model, dev, len(data.labels))
                scores = classification_scores(gold["dev"], answers.argmax(1), data.labels)
                if best is None or scores.metric(data.task.metric) > best[0]:
                    chosen = {"ngrams": list(ngrams), "C": strength}
                    best = scores.metric(data.task.metric), features, model, chosen, scores.as_dict()
            step.advance(1, f"{ngrams[0]}–{ngrams[1]}")
    assert best is not None
    _, features, model, chosen, dev_scores = best
    test = None
    if data.test is not None:
        answers = _probabilities(model, features(data.test.texts), len(data.labels))
        test = classification_scores(gold["test"], answers.argmax(1), data.labels)
        write_predictions(draft.path / "predictions.tsv", data.test, answers, data.labels)
    write_scores(draft.path, data, seed=None, dev=dev_scores, test=test, chosen=chosen)


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


def _probabilities(model: Any, features: Any, classes: int) -> NDArray[np.float32]:
    """(N, classes); a label that training rows lack gets 0."""
    answers = np.zeros((features.shape[0], classes), np.float32)
    answers[:, model.classes_] = model.predict_proba(features)
    return answers
