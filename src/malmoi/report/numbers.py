"""Numbers as a person reads them: 만 and 억 in Korean, K and M in English, few digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

from malmoi.messages import language, text
from malmoi.tasks.metrics import METRICS, metric_name

_KOREAN = ((10**12, "조"), (10**8, "억"), (10**4, "만"))
_ENGLISH = ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**4, "K"))


def big(value: float) -> str:
    """`894만`, `8.94M`; below ten thousand all digits: `9,310`."""
    for size, name in _KOREAN if language() == "ko" else _ENGLISH:
        if abs(value) >= size:
            scale = 1000 if name == "K" else size
            shown = value / scale
            digits = 0 if abs(shown) >= 100 else 1 if abs(shown) >= 10 else 2
            plain = f"{shown:,.{digits}f}"
            return (plain.rstrip("0").rstrip(".") if "." in plain else plain) + name
    return f"{value:,.0f}"


def short(value: float | None) -> str:
    """A measure with three or four significant digits; a dash if there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        digits = 3 if abs(value) < 100 else 1
        return f"{value:,.{digits}f}"
    return f"{value:.2e}"


def percent(fraction: float | None, digits: int = 1) -> str:
    """`84.1`: a fraction in per cent, without the % sign."""
    return "–" if fraction is None or not math.isfinite(fraction) else f"{100 * fraction:.{digits}f}"


def signed(fraction: float | None, digits: int = 1) -> str:
    """`+3.4` or `−1.2` points, with a true minus."""
    if fraction is None or not math.isfinite(fraction):
        return "–"
    return f"{100 * fraction:+.{digits}f}".replace("-", "−")


def scored(metric: str, value: float | None, digits: int = 1) -> str:
    """A score as its metric is read: `84.1` of a fraction, else a measure."""
    return percent(value, digits) if METRICS[metric].fraction else short(value)


def gained(metric: str, difference: float | None, digits: int = 1) -> str:
    """A difference of scores, with its sign."""
    if METRICS[metric].fraction or difference is None:
        return signed(difference, digits)
    return ("+" if difference > 0 else "−" if difference < 0 else "") + short(abs(difference))


def metric_title(metric: str) -> str:
    """`accuracy (%)`, `RMSE`."""
    return metric_name(metric) + (" (%)" if METRICS[metric].fraction else "")


def chance(p: float | None) -> str:
    """`p = 0.012`, `p < 0.001`; a dash if there is none."""
    return "p –" if p is None else f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def runs_of(n: int, tunings: int, pooled: Sequence[str]) -> str:
    """`3` seeds; `3 × 2`: of three pretrainings two fine-tunings each."""
    return f"{n} × {tunings}" if pooled else str(n)


def seeds(n: int, tunings: int, pooled: Sequence[str]) -> str:
    """The same in words."""
    if pooled:
        return text("report.league.pretrainings", n=n, tunings=tunings)
    return text("report.league.one_seed" if n == 1 else "report.league.many_seeds", n=n)


def lasting(seconds: float) -> str:
    """`42s`, `3m 05s`, `2h 10m`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return text("cli.seconds", s=whole)
    if whole < 3600:
        return text("cli.minutes", m=whole // 60, s=whole % 60)
    return text("cli.hours", h=whole // 3600, m=whole % 3600 // 60)
