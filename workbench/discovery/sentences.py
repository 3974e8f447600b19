"""What may be said of a discovered slice, in one sentence? The held-out verdict comes first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from affect_workbench.analyses.discovery.discover import DiscoveryResult
from affect_workbench.analyses.discovery.naming import NO_NAME
from affect_workbench.workbench.interface.numbers import percent, points, small_q

VERDICT_WORDS = {
    "verified": "Confirmed on held-out pictures",
    "undetermined": "Not confirmed on held-out pictures",
    "equivalent": "Refuted: on held-out pictures the difference is inside the tolerance",
    "too small": "Too few held-out pictures",
}
WARNING = (
    "Similar pictures invite a story about what they have in common. The verdict is about the pictures of a "
    "slice, not about a story: name the attribute, label it, and audit it before you act on it."
)
"""Said wherever discovered slices are shown (arXiv 2306.08167: users form wrong hypotheses from coherent thumbnails)."""


def slice_sentence(row: Any) -> str:
    """A row of `DiscoveryResult.table` as one sentence."""
    pictures = f"{row.n_confirm:,} held-out pictures" if row.n_confirm != 1 else "1 held-out picture"
    inside = f", all labelled {row.true_class}" if row.true_class else ""
    start = f"{VERDICT_WORDS[row.verdict]}: slice {row.slice} ({row.name}; {pictures}{inside})"
    if pd.isna(row.effect):
        return f"{start}."
    sentence = (
        f"{start} is predicted as {row.emotion} {percent(row.rate)} of the time, other pictures with the same "
        f"labels {percent(row.expected)}: {points(row.effect)} points [{points(row.low)}, {points(row.high)}], "
        f"{small_q(row.q)}."
    )
    return sentence + (f" It is explained by slice {row.explained_by}." if row.explained_by else "")


def terminal_lines(result: DiscoveryResult, *, most: int = 10) -> list[str]:
    """The headline, and the sentences of verified slices that repeat no other."""
    own = list(result.own.itertuples())
    lines = [result.headline, *(slice_sentence(row) for row in own[:most])]
    if len(own) > most:
        lines.append(f"{len(own) - most} more are in the table")
    if any(row.name == NO_NAME for row in own):
        lines.append("no good name: no declared attribute describes the slice; look at its pictures")
    return lines
