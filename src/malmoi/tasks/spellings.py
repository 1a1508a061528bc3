"""What a recipe says about labels: which spellings mean "none here", and what to do with two of one label."""

from __future__ import annotations

from typing import Literal

Alike = Literal["stop", "merge", "keep"]
# As pandas, R and spreadsheets write a missing value. `none` and `null` in small letters are words that label
# (the comments of the Korean hate speech data are none, offensive or hate).
MISSING = ("nan", "NaN", "NAN", "NA", "n/a", "N/A", "#N/A", "<NA>", "NaT", "None", "NULL")
