"""How do tests put pictures and their coded attributes together?"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.slices.sliced import SlicedPredictions, SlicedRows
from affect_workbench.data.predictions import Predictions


def sliced(predictions: Predictions, attributes: Iterable[CodedAttribute]) -> SlicedPredictions:
    """Predictions with what they are sliced by."""
    return SlicedPredictions(predictions, tuple(attributes))


def sliced_rows(
    attributes: Iterable[CodedAttribute], *, groups: np.ndarray | None = None, pairs: np.ndarray | None = None
) -> SlicedRows:
    """Coded attributes of pictures that come in these groups and pairs."""
    coded = tuple(attributes)
    columns = {"group_id": groups, "pair_id": pairs}
    rows = pd.DataFrame({"image_id": range(len(coded[0].codes) if coded else 0)})
    return SlicedRows(rows.assign(**{name: codes for name, codes in columns.items() if codes is not None}), coded)
