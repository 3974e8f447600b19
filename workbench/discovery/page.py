"""How does one HTML file show discovered slices so that the held-out verdict is read before the pictures are seen?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.discovery.discover import DiscoveryResult
from affect_workbench.workbench.discovery.sentences import VERDICT_WORDS, WARNING, slice_sentence
from affect_workbench.workbench.interface.page import template
from affect_workbench.workbench.interface.thumbnails import thumbnail_uri

MOST_PICTURES = 12
MOST_SHOWN = 20


def discovery_html(
    result: DiscoveryResult, rows: pd.DataFrame, predicted: npt.NDArray[np.int64], *, title: str = "Discovered slices"
) -> str:
    """The discovery as one self-contained page without scripts; the same result and files always give the same bytes.

    Everything that comes from the data is escaped and nothing is fetched. Shown are held-out pictures with the highest
    membership scores, in the order of the scores, whatever was said of them.

    Args:
        result: of `analyses.discovery.discover`.
        rows: the pictures' rows, in the result's order; thumbnails come from `path` where files are there.
        predicted: predicted label of each picture `(n,)`.
        title: heading of the page.
    """
    slices = [
        {
            "row": row,
            "verdict": VERDICT_WORDS[str(row.verdict)],
            "sentence": slice_sentence(row),
            "pictures": _pictures(result, at, rows, predicted) if at < MOST_SHOWN else [],
        }
        for at, row in enumerate(result.table.itertuples())
    ]
    return template("discovery.html").render(result=result, title=title, slices=slices, warning=WARNING)


def _pictures(
    result: DiscoveryResult, at: int, rows: pd.DataFrame, predicted: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """The held-out members with the highest scores; none where no picture has a path."""
    if "path" not in rows:
        return []
    held_out = result.members[at][result.confirm[result.members[at]]]
    first = held_out[np.argsort(-result.scores[at, held_out], kind="stable")][:MOST_PICTURES]
    return [
        {
            "name": str(rows["image_id"].iloc[position]),
            "predicted": result.taxonomy.labels[int(predicted[position])],
            "label": str(rows["label"].iloc[position]) if "label" in rows else "",
            "source": _thumbnail(rows, int(position)),
        }
        for position in first
    ]


def _thumbnail(rows: pd.DataFrame, position: int) -> str | None:
    path = rows["path"].iloc[position]
    return thumbnail_uri(str(Path(path))) if isinstance(path, str) else None
