"""How is the geometry of label anchors kept in a folder, and opened again without a text model?

The folder holds `anchors.json` (which anchors, of which labels), `cosines.csv`, `labels.csv`, `correlations.csv` and
`anchors.html`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from affect_workbench.analyses.space.geometry.anchors import AnchorGeometry
from affect_workbench.arrays import Floats
from affect_workbench.data.storage.atomic import require_complete, write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import numbers, read_saved_csv
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.models.anchors.page import cosine_table, sentences

RECORD = "anchors.json"
_AGAIN = "read the anchors again with `workbench anchors`"
_LABEL_NUMBERS = ("polarity", "cosine", "cap", "margin", "gap")


@dataclass(frozen=True)
class SavedAnchors:
    """The geometry, which anchors it is of in words, and what should be known about how they were read."""

    geometry: AnchorGeometry
    what: str
    note: str = ""


def save_anchors(saved: SavedAnchors, partial: Path) -> None:
    """Writes the tables and the record into a folder that is being made."""
    geometry = saved.geometry
    cosine_table(geometry).to_csv(partial / "cosines.csv", index=False)
    geometry.labels.to_csv(partial / "labels.csv", index=False)
    geometry.correlations.to_csv(partial / "correlations.csv", index=False)
    record = {
        "headline": sentences(geometry)[0],
        "what": saved.what,
        "note": saved.note,
        "taxonomy": geometry.taxonomy.as_json(),
        "order": geometry.order.tolist(),
    }
    write_json(partial / RECORD, record)


def load_anchors(folder: Path | str) -> SavedAnchors:
    """The geometry saved in a folder.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, or no label anchors.
    """
    folder = Path(folder)
    require_complete(folder, what="folder of label anchors")
    record = read_record(folder / RECORD, otherwise=_AGAIN)
    taxonomy = Taxonomy.from_record(record, "taxonomy")
    k = len(taxonomy)
    order = np.array(record.numbers("order"), dtype=np.int64)
    if sorted(order.tolist()) != list(range(k)):
        raise record.refused("order", f"the positions of {k} labels")
    path = folder / "labels.csv"
    labels = read_saved_csv(path, needed=("label", "nearest", *_LABEL_NUMBERS), otherwise=_AGAIN)
    labels = labels.assign(**{name: numbers(labels, name, path=path, otherwise=_AGAIN) for name in _LABEL_NUMBERS})
    if list(labels["label"]) != list(taxonomy.labels):
        raise ValueError(f"{path} cannot be read: its labels are not those of {RECORD}; {_AGAIN}")
    path = folder / "correlations.csv"
    told = read_saved_csv(path, needed=("cosines", "structure", "exact"), otherwise=_AGAIN)
    whole = {name: numbers(told, name, path=path, whole=True, otherwise=_AGAIN) for name in ("labels", "permutations")}
    parts = {name: numbers(told, name, path=path, otherwise=_AGAIN) for name in ("r", "p")}
    cosines, centred = (_matrix(folder / "cosines.csv", name, k=k) for name in ("cosine", "centred"))
    geometry = AnchorGeometry(
        taxonomy, cosines, centred, order, labels, told.assign(**whole, **parts, exact=told["exact"] == "True")
    )
    return SavedAnchors(geometry, record.text("what"), record.text("note"))


def _matrix(path: Path, column: str, *, k: int) -> Floats:
    """The symmetric matrix `(k, k)` of a column of `cosine_table`."""
    table = read_saved_csv(path, needed=(column,), otherwise=_AGAIN)
    upper = np.triu_indices(k, 1)
    if len(table) != len(upper[0]):
        raise ValueError(f"{path} cannot be read: it has {len(table):,} pairs, {k} labels have {len(upper[0]):,}; {_AGAIN}")
    matrix = np.eye(k)
    matrix[upper] = numbers(table, column, path=path, otherwise=_AGAIN)
    matrix.T[upper] = matrix[upper]
    return matrix
