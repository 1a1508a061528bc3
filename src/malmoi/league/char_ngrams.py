"""The character n-gram baseline: TF-IDF and a linear model, the bar a neural row must clear.

Without it a table of neural rows misleads: two under-trained encoders within a point of each other look
like a finding until this baseline is 3 points above both. The kind of task says which linear
models there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from malmoi.artifact.finished import Draft
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.finetune.judged import Judged, judged
from malmoi.finetune.record import warn_if_constant, write_predictions, write_scores
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.data import TaskData
from malmoi.tasks.examples import Examples, Text
from malmoi.tasks.kinds import Fitted

# All chosen on dev. char_wb pads each eojeol with spaces, so a particle at its end differs from the same
# syllable inside: Korean's nearest thing to morphology without an analyzer. On 20,000 NSMC rows the nine
# range from 84.2 to 85.1 on dev; n-grams across spaces (`char`) gain .3 more at 1.5 times the features.
NGRAMS = ((1, 2), (1, 3), (1, 4))


def characters(data: TaskData, draft: Draft, reporter: Reporter = SILENT) -> None:
    """Fit on train for each n-gram range, choose on dev, score test once; writes what a run writes.

    Deterministic, so it is run once and has no spread. Raises MM0701 if scikit-learn is not installed.
    """
    need_scikit_learn()
    kind = data.kind.saved(data.labels)  # linear models answer on the file's scale by themselves
    gold_N, dev_gold_N = kind.gold(data.train), kind.gold(data.dev)
    best: tuple[Judged, Features, Fitted, dict[str, Any]] | None = None
    with reporter.step("league.characters", total=len(NGRAMS), unit="cell") as step:
        for ngrams in NGRAMS:
            features = Features(ngrams, data.train)
            train, dev = features(data.train.texts), features(data.dev.texts)
            for chosen, answer in kind.linear_models(train, gold_N, pair=data.pair):
                found = judged(kind, data.task.metric, answer(dev), dev_gold_N)
                if best is None or found.worth > best[0].worth:
                    best = found, features, answer, {"ngrams": list(ngrams), **chosen}
            step.advance(1, f"{ngrams[0]}–{ngrams[1]}")
    assert best is not None
    on_dev, features, answer, chosen = best
    test = None
    if data.test is not None:
        answers_NC = answer(features(data.test.texts))
        test = judged(kind, data.task.metric, answers_NC, kind.gold(data.test))
        write_predictions(draft.path / "predictions.tsv", data.test, answers_NC, kind)
    write_scores(draft.path, data, seed=None, dev=on_dev, test=test, chosen=chosen)
    warn_if_constant(data, on_dev, test, reporter)


def need_scikit_learn() -> None:
    """Raise MM0701 if it is not installed."""
    try:
        import sklearn.linear_model  # noqa: F401
    except ModuleNotFoundError:
        raise MalmoiError(Code.NO_SCIKIT_LEARN) from None


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
