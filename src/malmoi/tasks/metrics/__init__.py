"""Metrics: a new one is a function and an entry of `METRICS`, and recipes, tables and pages know it."""

from malmoi.messages import catalog, text
from malmoi.tasks.metrics.classes import accuracy, accuracy_on, macro_f1, macro_f1_on
from malmoi.tasks.metrics.numbers import pearson, rmse, spearman, spearman_on
from malmoi.tasks.metrics.protocol import Metric, Score

__all__ = ["METRICS", "Metric", "Score", "metric_name", "metrics_of"]

# Of each sort of answers in the order of the tables.
METRICS: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "classes", on_rows=accuracy_on),
    "macro_f1": Metric(macro_f1, "classes", on_rows=macro_f1_on),
    "spearman": Metric(spearman, "numbers", on_rows=spearman_on),
    "pearson": Metric(pearson, "numbers"),
    "rmse": Metric(rmse, "numbers", fraction=False, higher_is_better=False),
}


def metrics_of(answers: str) -> list[str]:
    """The names of those that compare such answers."""
    return [name for name, metric in METRICS.items() if metric.of == answers]


def metric_name(metric: str) -> str:
    """What tables and pages call it: the catalog's `metric.NAME`, else its name in recipes."""
    key = f"metric.{metric}"
    return text(key) if key in catalog() else metric
