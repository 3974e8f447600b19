"""Which columns repeat the truth, the prediction or the row number, or are called so, and say nothing of a picture?

Slices by such a column are circular: among pictures labelled joy, joy is said more often. They are left aside, with the
reason, and sliced only where they are asked for by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from shlex import quote

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.slices.attribute_kinds import is_numeric
from affect_workbench.analyses.slices.derived import derived_reason
from affect_workbench.analyses.slices.strata import true_codes
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.delimited import UNNAMED
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

FEWEST = 10
"""With fewer pictures two columns may well agree by chance."""
_DENSE = 0.02
"""Whole numbers that rise from row to row count rows where at least this share of those between them is there."""
_SAYS = {
    "label",
    "labels",
    "truth",
    "groundtruth",
    "gt",
    "target",
    "gold",
    "true",
    "actual",
    "annotation",
    "annotated",
    "y",
    "class",
    "emotion",
    "emotions",
    "pred",
    "preds",
    "predicted",
    "prediction",
    "predictions",
    "dominant",
    "yhat",
    "argmax",
    "top1",
    "guess",
}
"""Words in the name of a column of labels that is the truth or a prediction; `keyword` and `facial_expression` have none."""
_CODE_OF = {
    "label",
    "labels",
    "truth",
    "groundtruth",
    "gt",
    "target",
    "pred",
    "preds",
    "predicted",
    "prediction",
    "predictions",
}
_CODE = _CODE_OF | {
    "ground",
    "true",
    "y",
    "class",
    "emotion",
    "id",
    "ids",
    "idx",
    "index",
    "code",
    "codes",
    "num",
    "number",
    "no",
    "int",
    "encoded",
}
_COUNTS_ROWS = re.compile(
    r"unnamed: ?\d+|__index_level_\d+__|level_\d+|index|idx|#|no\.?|nr\.?|s\.?no\.?"
    r"|row|row[ _]?(?:id|no|num|number|idx|index)",
    re.IGNORECASE,
)
_CORE_MEANING = {
    "image_id": "which picture it is",
    "label": "the truth",
    "predicted": "what was predicted",
    "split": "train, validation or test split",
    "group_id": "which pictures are of one scene or person",
    "pair_id": "which pictures are a pair",
}
_CORE = {core.replace("_", ""): core for core in _CORE_MEANING}
_NAMES = {"id", "ids", "uid", "uuid", "guid", "key"}


def repeating_columns(predictions: Predictions, names: Sequence[str]) -> list[tuple[str, str]]:
    """(name, reason) of the columns that are no attributes of the pictures.

    Args:
        predictions: of the `n` pictures.
        names: attribute columns of their rows.
    """
    y_pred: npt.NDArray[np.int64] = predictions.predicted
    true = None if predictions.truth is None else true_codes(predictions)
    labels, found, voted = predictions.taxonomy, [], predictions.has_votes
    for name in names:
        column = predictions.rows[name]
        try:
            codes, values = pd.factorize(column, use_na_sentinel=True)
        except TypeError:  # lists and the like, which are no attributes for another reason
            continue
        if len(values) < 2 or int((codes >= 0).sum()) < FEWEST:
            continue
        # Two values that go with two readings may be the worst of biases (every man angry): those stay an attribute.
        copied = len(values) > 2 and _same(codes, y_pred)
        # What goes with the majority of votes need not come from it: only labels, or codes of them, are the truth again.
        repeated = _same(codes, true) and (not voted or _are_labels(values, labels) or _are_codes(column, len(values)))
        derived = (
            "" if true is None or voted else derived_reason(codes, list(values), true=true, y_pred=y_pred, taxonomy=labels)
        )
        reason = (
            _counts_or_names(name, column, len(values))
            or ("repeats the truth: one value for each label, one label for each value" if repeated else "")
            or ("repeats the prediction: one value for each label, one label for each value" if copied else "")
            or derived
            or _says(name, values, predictions)
            or _almost_core(name, predictions.rows)
        )
        if reason:
            found.append((name, f"it {reason}; --attributes={quote(name)} slices by it anyway"))
    return found


def naming_columns(rows: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, str]]:
    """(name, reason) of the columns of `rows` that count or name the rows, where nothing is predicted."""
    found = []
    for name in names:
        column = rows[name]
        reason = _counts_or_names(name, column, column.nunique()) if int(column.notna().sum()) >= FEWEST else ""
        reason = reason or _almost_core(name, rows)
        if reason:
            found.append((name, f"it {reason}; --attributes={quote(name)} slices by it anyway"))
    return found


def _same(codes: npt.NDArray[np.int64], other: npt.NDArray[np.int64] | None) -> bool:
    """Whether two codings `(n,)` are one, in other words, where both are known."""
    if other is None:
        return False
    known = (codes >= 0) & (other >= 0)
    if int(known.sum()) < FEWEST:
        return False
    one, two = codes[known], other[known]
    pairs = len(np.unique(one * (int(two.max()) + 1) + two))
    return pairs > 1 and pairs == len(np.unique(one)) == len(np.unique(two))


def _counts_or_names(name: str, column: pd.Series, distinct: int) -> str:
    if name == UNNAMED:
        return "has no name in the header, as row numbers do: it does not describe a picture"
    known = column.dropna()
    if distinct < len(known):
        return ""
    if not is_numeric(column):
        return "has a different value for every picture: it identifies them"
    numbers = known.to_numpy(np.float64)
    if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
        return ""
    span = numbers.max() - numbers.min() + 1
    steps = np.diff(numbers)
    rising = bool((steps > 0).all() or (steps < 0).all()) and len(numbers) / span >= _DENSE
    if span == len(numbers) or rising or _COUNTS_ROWS.fullmatch(name.strip()):
        return "counts the rows: it does not describe a picture"
    return (
        "has a different number for every picture and is called an id: it identifies them" if _words(name) & _NAMES else ""
    )


def _says(name: str, values: pd.Index | npt.NDArray[np.object_], predictions: Predictions) -> str:
    words, k = _words(name), len(predictions.taxonomy)
    if _are_labels(values, predictions.taxonomy):
        if words & _SAYS or words == {"expression"}:
            return "holds labels, and has the name of a truth or a prediction: name it label if it is the truth"
    elif words & _CODE_OF and words <= _CODE and len(values) <= k + 1 and pd.api.types.is_numeric_dtype(np.asarray(values)):
        return "holds a number for each label, by its name: name it label if it is the truth"
    return ""


def _are_labels(values: pd.Index | npt.NDArray[np.object_], taxonomy: Taxonomy) -> bool:
    return all(isinstance(value, str) and taxonomy.knows(value) for value in values)


def _are_codes(column: pd.Series, distinct: int) -> bool:
    """Whether a column numbers the labels without a gap; two numbers may be the yes and no of anything."""
    if distinct < 3 or not is_numeric(column):
        return False
    numbers = column.dropna().to_numpy(np.float64)
    return bool((numbers == np.floor(numbers)).all() and numbers.max() - numbers.min() + 1 == distinct)


def _almost_core(name: str, rows: pd.DataFrame) -> str:
    """A column that is called like one with a fixed meaning, but for capitals and what stands between words."""
    core = _CORE.get(_bare(name))
    if core is None:
        return ""
    if core in rows:
        return f"has a name like {core}, which the data also have"
    return f"has a name like {core}, which has a fixed meaning: name it {core} if it states {_CORE_MEANING[core]}"


def _bare(name: str) -> str:
    return re.sub(r"[\s_\-]+", "", name).casefold()


def _words(name: str) -> set[str]:
    return {word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+[0-9]*", name)}
