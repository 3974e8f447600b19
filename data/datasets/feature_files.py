"""How do features that others saved (TinyEmo's trees, a table beside an array) become a `FeatureSet`?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.arrays import Vectors
from affect_workbench.data.features import FeatureSet, FeatureSpec
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.data.storage.saved_arrays import read_npy
from affect_workbench.data.tables.headers import TABLE_SUFFIXES, is_table
from affect_workbench.data.tables.read import named, read_table
from affect_workbench.data.tables.splits import split_name
from affect_workbench.data.taxonomies.label_columns import with_vote_names
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

VectorReader = Callable[[Path], Vectors]
"""Reads one vector file; the caller supplies it, because opening a `.pt` needs torch and this package does not."""


def is_tree(root: Path) -> bool:
    """Whether `root` is laid out as `<root>/images/<split>/<class>/<id>.pt`."""
    return next((root / "images").glob("*/*/*.pt"), None) is not None


def read_tree(root: Path | str, *, read_vector: VectorReader, spec: FeatureSpec | None = None) -> FeatureSet:
    """TinyEmo's precomputed features, one vector a file, ids `<class>/<id>`, read in sorted order.

    An id that is in several splits is preceded by the split (`val/joy/7`); the rows of such a tree have a column `content`,
    a hash of each vector, by which copies are found (TinyEmo's sample data hold the same pictures in two splits).

    Args:
        root: the folder that holds `images/`.
        read_vector: opens one file (see `probes.runtime.read_vector`).
        spec: what made the vectors, where known; its width is taken from the files.

    Raises:
        FileNotFoundError: no such folder, or no vector in it.
        ValueError: an unreadable file, unequal widths, NaN or infinite values, the same id twice in one
            split (under two of its names).
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"no features at {root}: the folder does not exist")
    files = sorted((root / "images").glob("*/*/*.pt"))
    if not files:
        raise FileNotFoundError(f"no feature files under {root}: expected {root}/images/<split>/<class>/<id>.pt")
    first = _vector(files[0], read_vector)
    dtype = np.float16 if first.dtype == np.float16 else np.float32
    values = np.empty((len(files), first.size), dtype=dtype)
    unequal: list[str] = []
    for position, file in enumerate(progress_bar(files, desc="reading features", unit="picture", mininterval=0.5)):
        vector = _vector(file, read_vector)
        if vector.size != first.size:
            unequal.append(f"{file.parent.name}/{file.stem}")
        else:
            values[position] = vector
    if unequal:
        raise ValueError(
            f"features of unequal width under {root}: {plural(len(unequal), 'file is', 'files are')} not {first.size} wide, "
            f"first {named(unequal)}: encode all pictures with one encoder"
        )
    rows = pd.DataFrame(
        {
            "image_id": [f"{file.parent.name}/{file.stem}" for file in files],
            "label": [file.parent.name for file in files],
            "split": [file.parent.parent.name for file in files],
        }
    )
    again = rows["image_id"].duplicated(keep=False)
    if again.any():
        splits = rows["split"].map(split_name)
        rows["image_id"] = rows["image_id"].where(~again, splits + "/" + rows["image_id"])
        rows["content"] = [hashlib.sha256(vector.tobytes()).hexdigest()[:16] for vector in values]
    return FeatureSet(replace(spec or FeatureSpec(width=first.size), width=first.size), values, rows)


def read_array(
    table: Path | str, array: Path | str, *, spec: FeatureSpec | None = None, id_column: str | None = None
) -> FeatureSet:
    """A CSV or Parquet table beside an `.npy` array `(n, d)`; row `i` of one belongs to row `i` of the other.

    Raises:
        FileNotFoundError: either file is missing.
        ValueError: the array is no readable 2-d float array, or the lengths differ.
    """
    rows = read_table(Path(table), id_column=id_column)
    array = Path(array)
    if not array.is_file():
        raise FileNotFoundError(f"no array at {array}: the file does not exist")
    values = read_npy(array, mapped=True, otherwise="save it again with numpy.save")
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"{array} holds {values.dtype} of shape {values.shape}: expected floats (pictures, width)")
    if len(values) != len(rows):
        raise ValueError(
            f"{array} has {len(values)} vectors but {table} has {len(rows)} rows: one row per picture is expected"
        )
    if values.dtype not in (np.float16, np.float32):
        values = values.astype(np.float32)
    width = int(values.shape[1])
    try:
        return FeatureSet(replace(spec or FeatureSpec(width=width), width=width), values, rows)
    except ValueError as error:
        raise ValueError(f"{array}: {error}") from error


def read_features(
    path: Path | str,
    *,
    read_vector: VectorReader,
    spec: FeatureSpec | None = None,
    taxonomy: Taxonomy | None = None,
    id_column: str | None = None,
) -> FeatureSet:
    """Whatever `path` holds: a saved feature set, a TinyEmo tree, or a table beside an array of the same name.

    Labels are brought to the taxonomy's spelling where one is given.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: not recognised, or see the readers above.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no features at {path}: the path does not exist")
    if path.is_file() and is_table(path):
        features = read_array(path, path.with_suffix(".npy"), spec=spec, id_column=id_column)
    elif FeatureSet.is_saved(path):
        features = FeatureSet.load(path)
    elif is_tree(path):
        features = read_tree(path, read_vector=read_vector, spec=spec)
    else:
        tables = [item for item in sorted(path.glob("*")) if is_table(item) and item.with_suffix(".npy").is_file()]
        if len(tables) != 1:
            within = [str(item) for root in (path / "features", path) for item in _saved_in(root)]
            if within:
                raise ValueError(
                    f"{path} holds the features of {plural(len(within), 'place')}, each in a folder of its own: give one of "
                    f"{', '.join(within)}"
                )
            raise ValueError(
                f"{path} holds no features the workbench knows: expected a saved feature set, a tree "
                f"images/<split>/<class>/<id>.pt, or one table ({', '.join(TABLE_SUFFIXES)}) beside an .npy of the same name"
            )
        features = read_array(tables[0], tables[0].with_suffix(".npy"), spec=spec, id_column=id_column)
    return features if taxonomy is None else with_taxonomy(features, taxonomy)


def with_taxonomy(features: FeatureSet, taxonomy: Taxonomy) -> FeatureSet:
    """The same features with labels and vote columns in the taxonomy's spelling; a missing label stays missing.

    Raises:
        ValueError: no label column, a label outside the taxonomy, or two vote columns for one label.
    """
    if "label" not in features.rows:
        raise ValueError(f"these features have no 'label' column, so taxonomy {taxonomy.name!r} cannot be applied")
    codes = taxonomy.codes(features.rows["label"])
    labels = np.array([*taxonomy.labels, None], dtype=object)[codes]
    return replace(features, rows=with_vote_names(features.rows.assign(label=labels), taxonomy))


def _saved_in(folder: Path) -> list[Path]:
    """Feature sets in a folder, such as `workbench attach` writes for every place that it taps."""
    return [item for item in sorted(folder.glob("*")) if FeatureSet.is_saved(item)]


def _vector(file: Path, read_vector: VectorReader) -> Vectors:
    vector = np.asarray(read_vector(file))
    if vector.ndim == 2 and vector.shape[0] == 1:
        vector = vector[0]
    if vector.ndim != 1 or not np.issubdtype(vector.dtype, np.floating):
        raise ValueError(f"{file} holds {vector.dtype} of shape {vector.shape}: expected one float vector")
    return vector
