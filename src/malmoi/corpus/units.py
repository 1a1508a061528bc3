"""Long documents in pieces that may be held out one by one: three novels could not give 1 % otherwise. Cuts
depend only on the document, so it is divided the same way in any corpus. Pieces that stay on the same side
are one document again when they are written.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LONG = 20_000
"""Characters. A shorter document is one piece: an article on both sides would give itself away."""
PIECE = 2_500
"""About three rows of 512 tokens: enough context to measure on, and small beside 1 % of a novel or two."""
BRIM = 2 * PIECE
"""A paragraph that long is cut."""

Array = npt.NDArray[np.int64]


def cut_pieces(chars: Array, paragraphs: Array) -> Array:
    """Where the pieces of one document begin, from the length of each sentence and the number of its
    paragraph: at a paragraph once PIECE characters are full, at any sentence once BRIM are. The last piece
    has at least half of PIECE."""
    ends = np.cumsum(chars)
    if ends[-1] < LONG:
        return np.zeros(1, np.int64)
    heads = np.flatnonzero(np.diff(paragraphs, prepend=paragraphs[0] - 1))
    starts = [0]
    while True:
        before = ends[starts[-1]] - chars[starts[-1]]
        full = int(np.searchsorted(ends, before + PIECE)) + 1  # the first sentence after a full piece
        brim = int(np.searchsorted(ends, before + BRIM)) + 1
        head = int(np.searchsorted(heads, full))
        start = min(int(heads[head]), brim) if head < len(heads) else brim
        if start >= len(chars) or ends[-1] - ends[start - 1] < PIECE // 2:
            return np.array(starts, np.int64)
        starts.append(start)
