"""Which findings does the report's table hold, and how are they put into the page in few bytes?

Every slice of one attribute is there with every verdict, so that whatever is searched for is found; of intersections, which
can be very many, the strongest, and some of each verdict. The first rows are written as a table, for readers without
scripts; the others as numbers that the page's script turns into rows when they are asked for.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.inference.verdicts import VERDICTS
from affect_workbench.workbench.interface.numbers import probability

MOST_INTERSECTIONS = 300
MOST_OF_A_VERDICT = 50
"""Intersections of each verdict that are there whatever their rank."""
MOST_SINGLE = 20_000
MOST_WRITTEN = 100
_SHARES = ("rate", "rate_low", "rate_high", "pooled_rate", "complement_rate", "effect", "low", "high")
_MORE = ("label_gap", "model_gap")


@dataclass(frozen=True)
class FindingsList:
    """The rows of the report's table.

    Attributes:
        written: those that are written out, in rank order.
        data: the others as JSON that cannot end the element that it stands in.
        sentence: how many there are of how many, and where the rest is.
    """

    written: pd.DataFrame
    data: str
    sentence: str


def findings_list(
    findings: pd.DataFrame,
    *,
    single: int = MOST_SINGLE,
    intersections: int = MOST_INTERSECTIONS,
    written: int = MOST_WRITTEN,
) -> FindingsList:
    """The rows that the table holds.

    Args:
        findings: of an audit, ranked, with a column `review` of what people decided (None where nobody has), and `strata`,
            whether strata disagree on it ("" where that is not known).
        single: most rows of slices of one attribute.
        intersections: most rows of intersections.
        written: most rows that are written out as HTML.
    """
    alone = findings["where"].map(len).to_numpy() <= 1
    of_verdict = findings.assign(several=~alone).groupby("verdict")["several"].cumsum().to_numpy()
    strong = (np.cumsum(~alone) <= intersections) | (of_verdict <= min(MOST_OF_A_VERDICT, intersections))
    first = np.where(alone, np.cumsum(alone) <= single, strong)
    listed = findings[first]
    return FindingsList(listed.head(written), _data(listed.iloc[written:]), _sentence(alone, first, total=len(findings)))


def _sentence(alone: np.ndarray, first: np.ndarray, *, total: int) -> str:
    """How many rows of each kind are in the table, of how many."""
    parts, whole = [], True
    for kind, what in ((alone, "rows of slices of one attribute"), (~alone, "rows of intersections")):
        there, here = int(kind.sum()), int((kind & first).sum())
        if there:
            least = f" (at least {MOST_OF_A_VERDICT} of each verdict)" if kind is not alone and here else ""
            some = f"the {here:,} strongest of {there:,} {what}{least}"
            parts.append(f"all {there:,} {what}" if here == there else some)
            whole &= here == there
    text = " and ".join(parts)
    rest = "" if whole else f" All {total:,} are in audit.json and on the page Slices of the app."
    return f"The table holds {text}.{rest}" if text else "There are no findings."


def _data(rows: pd.DataFrame) -> str:
    """Names once, then a list a row; numbers as they are shown, and what the table is sorted by."""
    names, emotions = (list(dict.fromkeys(rows[column])) for column in ("slice", "emotion"))
    parents = [one for one in dict.fromkeys(rows["explained_by"]) if isinstance(one, str)]
    at = {name: place for place, name in enumerate(names)}
    of = {name: place for place, name in enumerate(emotions)}
    above = {name: place for place, name in enumerate(parents)}
    records = [
        [
            at[row["slice"]],
            of[row["emotion"]],
            int(row["n"]),
            VERDICTS.index(row["verdict"]),
            above.get(row["explained_by"], -1) if isinstance(row["explained_by"], str) else -1,
            row["review"] if isinstance(row["review"], str) else None,
            _short(row["q"]),
            probability(row["q"]),
            _short(row["effect"]),
            _tenths(row["detectable"]) if _known(row["p"]) else None,
            *(_tenths(row[name]) for name in (*_SHARES, *_MORE)),
            *([row["strata"]] if row.get("strata") else []),
        ]
        for row in rows.to_dict("records")
    ]
    record = {"slices": names, "emotions": emotions, "parents": parents, "verdicts": list(VERDICTS), "rows": records}
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    # Nothing in the data can end the script element.
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028")


def _known(value: Any) -> bool:
    return value is not None and not math.isnan(value)


def _short(value: Any) -> float | None:
    """A number to sort by, in few digits; None where not known."""
    return float(f"{value:.6g}") if _known(value) and not math.isinf(value) else None


def _tenths(share: Any) -> int | None:
    """A share in tenths of a point, rounded as `workbench.interface.numbers.points` does; None where not known."""
    return int(f"{100 * share:.1f}".replace(".", "")) if _known(share) and not math.isinf(share) else None
