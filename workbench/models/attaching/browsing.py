"""What is known of each picture of a finished run of `workbench ask` or `workbench attach`? No model is loaded for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from affect_workbench.data.answers.table import PROBABILITY_PREFIX, prompt_shares, read_answers, scored
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.arrays import give_back, unit_rows
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.storage.saved import Record
from affect_workbench.data.storage.saved_arrays import read_parquet, read_saved_csv
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.models.asking.files import ASK_FILE, PREDICTIONS_FILE, UNANSWERED_FILE, asked_record
from affect_workbench.workbench.models.attaching.files import (
    ANSWERS,
    attached_probabilities,
    attached_record,
    attached_tables,
    is_attached,
)

_CHUNK = 65_536
_AGAIN = "ask the model again"


@dataclass(frozen=True)
class AttachedRun:
    """What `workbench attach` adds to the answers.

    Attributes:
        record: what `attach.json` says.
        predictions: what the readers of the places say, see `attached_probabilities`.
        layers: the sweep over places, see `analyses.fidelity.layers.layer_sweep`.
        causal: what erasing did; None where nothing was erased.
    """

    record: Record
    predictions: pd.DataFrame
    layers: pd.DataFrame
    causal: pd.DataFrame | None

    @property
    def places(self) -> tuple[str, ...]:
        """The places that were tapped, in the order in which a picture passes them."""
        return tuple(self.record.record("places").values)

    @property
    def readers(self) -> tuple[str, ...]:
        """Who reads the places: the answer probe first."""
        return tuple(dict.fromkeys(self.predictions["reader"]))


@dataclass(frozen=True)
class ModelRun:
    """A finished run of `ask` or `attach`.

    Attributes:
        asked: what `ask.json` says.
        taxonomy: the labels.
        pictures: a row a picture: `image_id`, `path`, `predicted` (what the model answered, None where no answer names a
            label) and what else was known of it, e.g. `label`.
        answers: a row a picture, prompt and run, see `data.answers.table`.
        shares: see `data.answers.table.prompt_shares`.
        attached: what was found inside the model; None where it was only asked.
    """

    asked: Record
    taxonomy: Taxonomy
    pictures: pd.DataFrame
    answers: pd.DataFrame
    shares: pd.DataFrame
    attached: AttachedRun | None = None

    @property
    def scored(self) -> bool:
        """Whether the answers are probabilities of label words; texts were counted otherwise."""
        return bool(scored(self.answers, self.taxonomy).any())

    @property
    def prompts(self) -> dict[str, str]:
        """What the model was asked, by the prompt's id."""
        return {name: str(text) for name, text in self.asked.record("prompts").values.items()}

    def shares_of(self, image_id: str) -> pd.DataFrame:
        """What was answered about a picture: prompts x labels."""
        shares: pd.DataFrame = self.shares[self.shares.index.get_level_values("image_id") == image_id]
        return shares.droplevel("image_id")

    def answers_of(self, image_id: str) -> pd.DataFrame:
        """All answers about a picture."""
        return self.answers[self.answers["image_id"] == image_id]

    def predicted_at(self, image_id: str, reader: str) -> pd.DataFrame:
        """What a reader says of a picture: places x labels, probabilities; empty where it was not tapped."""
        if self.attached is None:
            return pd.DataFrame(columns=list(self.taxonomy.labels))
        table = self.attached.predictions
        own = table[(table["image_id"] == image_id) & (table["reader"] == reader)].set_index("place")
        columns = {PROBABILITY_PREFIX + label: label for label in self.taxonomy.labels}
        return own.reindex([place for place in self.attached.places if place in own.index])[list(columns)].rename(
            columns=columns
        )


def load_model_run(folder: Path) -> ModelRun:
    """The run in a folder.

    Raises:
        FileNotFoundError: no such folder, or a file is missing.
        ValueError: unfinished, damaged, or no run of `ask` or `attach`.
    """
    attached = None
    if is_attached(folder):
        record, tables = attached_record(folder), attached_tables(folder)
        attached = AttachedRun(record, attached_probabilities(folder), tables["layers"], tables.get("causal"))
        folder = folder / ANSWERS
    require_complete(folder, what="folder of answers")
    if not (folder / ASK_FILE).is_file():
        raise ValueError(f"{folder} holds no answers of a model: it has no {ASK_FILE}; make some with `workbench ask`")
    asked = asked_record(folder)
    taxonomy = Taxonomy.from_json(asked.record("taxonomy").values)
    answers = read_answers(folder, taxonomy)
    return ModelRun(asked, taxonomy, _pictures(folder), answers, prompt_shares(answers, taxonomy), attached)


def nearest(features: FeatureSet, image_id: str, *, most: int) -> pd.DataFrame:
    """The pictures whose features have the largest cosine with those of a picture, without itself.

    Values are read a part at a time.

    Returns:
        `image_id` and `cosine`, the nearest first; empty where the picture is not among the features.
    """
    ids = features.rows["image_id"].to_numpy()
    own = np.flatnonzero(ids == image_id)
    cosines = np.full(len(ids), -np.inf, np.float32)
    for start in range(0, len(ids) if len(own) else 0, _CHUNK):
        unit = unit_rows(features.values[start : start + _CHUNK])
        cosines[start : start + _CHUNK] = unit @ unit_rows(features.values[own])[0]
        give_back(features.values)
    cosines[own] = -np.inf
    order = np.argsort(-cosines, kind="stable")[:most]
    order = order[np.isfinite(cosines[order])]
    return pd.DataFrame({"image_id": ids[order], "cosine": cosines[order]})


def _pictures(folder: Path) -> pd.DataFrame:
    """The pictures with a prediction, then those without."""
    parts = []
    if (folder / PREDICTIONS_FILE).is_file():
        parts.append(read_parquet(folder / PREDICTIONS_FILE, needed=("image_id", "predicted"), otherwise=_AGAIN))
    if (folder / UNANSWERED_FILE).is_file():
        left = read_saved_csv(folder / UNANSWERED_FILE, needed=("image_id", "path"), otherwise=_AGAIN)
        parts.append(left[["image_id", "path"]].assign(predicted=None))
    pictures = pd.concat(parts, ignore_index=True).astype({"predicted": object})
    return pictures.where(pictures.notna(), None)
