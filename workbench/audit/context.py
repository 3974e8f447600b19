"""What is known besides the predictions (training pictures, valences, a temperature, other words), and from which files?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from affect_workbench.analyses.audit.questions import Besides
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import columns_of, read_table
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

if TYPE_CHECKING:
    from affect_workbench.probes.projector import Probe

SYNONYMS = "synonyms"


def besides(
    *,
    training: str = "",
    valence: str = "",
    taxonomy: Taxonomy,
    temperature: float | None = None,
    encoder: str = "unknown",
    trained_on: pd.DataFrame | None = None,
) -> Besides:
    """Reads what the settings name.

    Args:
        training: features, or a table, of the training pictures with labels or votes and the audited attributes.
        valence: a table with columns `label` and `valence`; words that are no labels are passed over, since a lexicon has
            thousands.
        taxonomy: the labels.
        temperature: of the probe, where there is one.
        encoder: what made the features, where the data do not say.
        trained_on: rows of the pictures that the probe was trained on, where they are among the given ones and not audited;
            taken when `training` names none.

    Raises:
        FileNotFoundError: a file is not there.
        ValueError: columns are missing, a valence is no number, a word has two, or no label has one.
    """
    return Besides(
        training=_training(training, encoder) if training else trained_on,
        training_by_name=bool(training),
        valence=_valence(Path(valence), taxonomy) if valence else None,
        temperature=temperature,
    )


def prompt_variants(probe: Probe, asked: Sequence[str]) -> Mapping[str, npt.NDArray[np.float32]]:
    """Label vectors from a probe's own text model, in other words: name -> `(k, m)` in the order of the probe's labels.

    Args:
        probe: whose text model reads the words.
        asked: phrases with `{}` for the label, and `synonyms`: then every label is asked for by its first synonym, by its
            second, and so on; a label with fewer keeps its own word.

    Raises:
        ValueError: a phrase without `{}`, or synonyms of a taxonomy that has none.
        FileNotFoundError: the text model cannot be found.
    """
    from affect_workbench.probes.anchors.anchors import anchors_from, synonym_anchors

    anchors, taxonomy = probe.anchors, probe.taxonomy
    found: dict[str, npt.NDArray[np.float32]] = {}
    for phrase in asked:
        if phrase != SYNONYMS:
            found[phrase] = anchors_from(anchors.source, taxonomy, template=phrase).vectors
            continue
        words, owners, vectors = synonym_anchors(anchors.source, taxonomy, template=anchors.template)
        own = [np.flatnonzero(owners == label) for label in range(len(taxonomy))]
        most = max(len(places) for places in own) - 1
        if not most:
            raise ValueError(
                f"taxonomy {taxonomy.name!r} has no synonyms: give phrases with {{}} instead, e.g. 'a {{}} scene'"
            )
        for number in range(1, most + 1):
            chosen = [int(places[min(number, len(places) - 1)]) for places in own]
            found[f"synonyms: {', '.join(words[at] for at in chosen)}"] = vectors[chosen]
    return found


def _training(given: str, encoder: str) -> pd.DataFrame:
    from affect_workbench.workbench.datasets.features import open_features

    return read_table(Path(given)) if is_table(Path(given)) else open_features(given, encoder=encoder).rows


def _valence(path: Path, taxonomy: Taxonomy) -> dict[str, float]:
    if not path.is_file():
        raise FileNotFoundError(f"no valence table at {path}: expected a CSV or Parquet file with columns label, valence")
    table = columns_of(path).rows
    if not {"label", "valence"} <= set(table.columns):
        raise ValueError(f"{path} has columns {', '.join(map(str, table.columns))}: expected label and valence")
    known = [isinstance(word, str) and taxonomy.knows(word) for word in table["label"]]
    table = table[np.array(known, dtype=bool)]
    numbers = pd.to_numeric(table["valence"], errors="coerce").to_numpy(float)
    labels = [taxonomy.resolve(word) for word in table["label"]]
    if not labels:
        raise ValueError(f"{path} gives a valence to none of {', '.join(taxonomy.labels)}")
    bad = [label for label, number in zip(labels, numbers, strict=True) if not np.isfinite(number)]
    if bad:
        raise ValueError(f"{path}: the valence of {bad[0]!r} is not a number")
    found: dict[str, float] = {}
    for label, number in zip(labels, numbers.tolist(), strict=True):
        if found.setdefault(label, number) != number:
            raise ValueError(f"{path} gives {label!r} two valences, {found[label]:g} and {number:g}: keep one")
    return found
