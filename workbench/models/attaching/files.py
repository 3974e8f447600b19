"""What is in a folder that `workbench attach` wrote?

The answers of the model, features a place, what the readers of each place say, and the predictions of the answer probe,
which `workbench audit --predictions` takes. Nothing here needs the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from affect_workbench.data.features import FeatureSet
from affect_workbench.data.storage.atomic import require_complete
from affect_workbench.data.storage.saved import Record, read_record
from affect_workbench.data.storage.saved_arrays import read_parquet

ATTACH_FILE = "attach.json"
PREDICTIONS_FILE = "predictions.parquet"
PROBABILITIES_FILE = "probabilities.parquet"
ANSWERS, FEATURES, PROJECTOR = "answers", "features", "projector"
"""Folders within: of `workbench ask`, of a feature set a place, of the predictions of the user's own probe."""
TABLES = ("layers", "causal")
"""Tables that become tables of an audit of the folder."""
SCHEMA = 1
_AGAIN = "attach again"


def is_attached(folder: Path) -> bool:
    """Whether `workbench attach` wrote the folder."""
    return (folder / ATTACH_FILE).is_file()


def attached_record(folder: Path) -> Record:
    """What `attach.json` says: model, places, the audited one, agreement, notes.

    Raises:
        FileNotFoundError, ValueError: the folder is not whole, or the file is damaged or of another schema.
    """
    require_complete(folder, what="folder of an attached model")
    return read_record(folder / ATTACH_FILE, schema=SCHEMA, otherwise=_AGAIN)


def attached_predictions(folder: Path) -> Path:
    """The table of the answer probe's predictions.

    Raises:
        FileNotFoundError, ValueError: the folder is not whole.
    """
    require_complete(folder, what="folder of an attached model")
    return folder / PREDICTIONS_FILE


def attached_provenance(folder: Path) -> Mapping[str, object]:
    """What a run has to keep of where its predictions came from."""
    record = attached_record(folder)
    names = ("model", "revision", "fingerprint", "family", "audited", "question")
    remark = (
        f"The page Model of the app (workbench app {folder}) shows picture by picture what the model answered, and what its "
        "layers say."
    )
    return {"attached": {name: record.text(name) for name in names}, "remarks": [remark]}


def attached_tables(folder: Path) -> Mapping[str, pd.DataFrame]:
    """The sweep over places, and what erasing did where something was erased."""
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES if (folder / f"{name}.parquet").is_file()}


def attached_notes(folder: Path) -> tuple[str, ...]:
    """What an audit of the answer probe has to say of how its predictions came about."""
    return tuple(str(note) for note in attached_record(folder).values["notes"])


def is_projected(folder: Path) -> bool:
    """Whether the folder holds what the user's own probe says, within one that `workbench attach` wrote."""
    return folder.name == PROJECTOR and is_attached(folder.parent)


def projected_predictions(folder: Path) -> Path:
    """The table of what the user's own probe says."""
    require_complete(folder.parent, what="folder of an attached model")
    return folder / PREDICTIONS_FILE


def projected_notes(folder: Path) -> tuple[str, ...]:
    """What an audit of the user's own probe has to say of how its predictions came about."""
    return attached_record(folder.parent).texts("probe_notes")


def attached_features(folder: Path) -> dict[str, FeatureSet]:
    """The features by place, in the order in which a picture passes them."""
    places = attached_record(folder).record("places").values
    return {place: FeatureSet.load(folder / FEATURES / str(name)) for place, name in places.items()}


def attached_feature_set(folder: Path, place: str) -> FeatureSet:
    """The features of one place; values stay on disk.

    Raises:
        FileNotFoundError, ValueError: the folder is not whole or damaged.
        KeyError: the place was not tapped.
    """
    return FeatureSet.load(folder / FEATURES / str(attached_record(folder).record("places").values[place]))


def attached_probabilities(folder: Path) -> pd.DataFrame:
    """What readers say: `image_id`, `place`, `reader`, a probability `p_<label>` each."""
    return read_parquet(folder / PROBABILITIES_FILE, needed=("image_id", "place", "reader"), otherwise=_AGAIN)
