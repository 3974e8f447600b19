"""Where do answers lie while a model is still being asked, and what of an interrupted run is used again?

Answers are appended as small Parquet files to a folder beside the result. A file appears whole or not at all; what it holds
is not asked again. The folder belongs to one way of asking: another model, prompt or label set has another one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from affect_workbench.data.storage.atomic import write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import read_arrow, read_parquet
from affect_workbench.probes.asking.questions import Key, Question, Reply

_AGAIN = "remove it, and its questions are asked again"
_KEY = ("image_id", "content", "prompt", "method", "run")
_REPLY = tuple(item.name for item in fields(Reply))
_STATE = "state.json"
_SCHEMA = pa.schema(
    [
        *((name, pa.int64() if name == "run" else pa.string()) for name in _KEY),
        ("text", pa.string()),
        ("probabilities", pa.list_(pa.float64())),
        ("refused", pa.bool_()),
        ("cut", pa.bool_()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
        ("error", pa.string()),
    ]
)


class Shards:
    """The answers that are there already, on disk.

    Attributes:
        folder: where they lie.
    """

    def __init__(self, out: Path, way: Mapping[str, Any]) -> None:
        """The shards beside the result `out`, for one way of asking (JSON-ready); nothing is written yet."""
        digest = hashlib.sha256(json.dumps(way, sort_keys=True).encode()).hexdigest()[:8]
        self.folder = out.with_name(f"{out.name}.answers-{digest}")

    def keys(self) -> set[Key]:
        """The questions that are answered.

        Raises:
            ValueError: a damaged shard, in this and all others.
        """
        rows = self.table()
        return set(zip(*(rows[name].tolist() for name in _KEY), strict=True))

    def table(self) -> pd.DataFrame:
        """A row an answer: what was asked (`image_id`, `content`, `prompt`, `method`, `run`) and the fields of `Reply`."""
        for file in self._files():
            read_parquet(file, needed=_SCHEMA.names, otherwise=_AGAIN)
        parts = [read_arrow(file, otherwise=_AGAIN).select(_SCHEMA.names).cast(_SCHEMA) for file in self._files()]
        found: pd.DataFrame = pa.concat_tables([_SCHEMA.empty_table(), *parts]).to_pandas()
        return found.drop_duplicates(list(_KEY), ignore_index=True)

    def append(self, answered: Sequence[tuple[Question, Reply]]) -> None:
        """Writes some answers as one file; nothing where there are none."""
        if not answered:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        asked = [dict(zip(_KEY, question.key, strict=True)) | asdict(reply) for question, reply in answered]
        files = self._files()
        target = self.folder / f"{int(files[-1].stem) + 1 if files else 0:06d}.parquet"
        partial = target.with_suffix(".partial")
        parquet.write_table(pa.Table.from_pylist(asked, schema=_SCHEMA), partial)
        os.replace(partial, target)

    def keep_model(self, model: str, *, fingerprint: str) -> None:
        """Keeps which model answers.

        Raises:
            ValueError: it is another one than before an interruption.
        """
        before = self.state().get("model", fingerprint)
        if before != fingerprint:
            raise ValueError(
                f"{model} is {fingerprint}, and was {before} when its first answers were given: answers of two models "
                f"are not mixed; put it back, or remove {self.folder} to start anew"
            )
        self.keep({"model": fingerprint})

    def state(self) -> dict[str, Any]:
        """What was learned of the model before: keys and values that `keep` wrote, none at first."""
        path = self.folder / _STATE
        return dict(read_record(path, otherwise=_AGAIN).values) if path.is_file() else {}

    def keep(self, state: Mapping[str, Any]) -> None:
        """Writes what was learned of the model."""
        write_json(self.folder / _STATE, dict(state))

    def remove(self) -> None:
        """Once the result is there."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.parquet"))
