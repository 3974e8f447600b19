"""What can be said to the commands that prepare pictures: data, features, overlap?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option


@dataclass(frozen=True)
class DataSettings:
    """Recognise a dataset's layout, count its pictures, list every problem, and write its manifest."""

    root: str = option(
        "", "folder of pictures, or a CSV, JSONL or Parquet table with a column path", required=True, positional=True
    )
    out: str = option("", "manifest folder to write; nothing is written when not given", short="-o")
    layout: str = option("", "the layout, where it is not recognised by itself")
    every: bool = option(False, "list every problem, not the first three of each kind")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite("the manifest")


@dataclass(frozen=True)
class FeaturesSettings:
    """Encode the pictures of a manifest; goes on where it was interrupted, and encodes only what is new."""

    manifest: str = option("", "manifest folder, or a table with a column path", required=True, positional=True)
    encoder: str = option(
        "",
        "open_clip:MODEL/TAG, open_clip:MODEL/CHECKPOINT-FILE, hf-hub:NAME, transformers:NAME or builtin:scenes",
        required=True,
    )
    out: str = option("", "feature folder to write", required=True, short="-o")
    device: str = option("auto", "cpu, cuda, mps, or auto for the fastest there is")
    precision: str = option("auto", "float32, bfloat16, float16; auto takes half on a GPU, full elsewhere")
    workers: int = fields.picture_workers()
    allow_outside: bool = fields.allow_outside()


@dataclass(frozen=True)
class OverlapSettings:
    """Look for pictures that are in both of two sets: exact copies and near copies, with the pairs to look at."""

    a: str = option("", "manifest or feature folder, usually what was trained on", required=True, positional=True)
    b: str = option("", "another one, usually the test set; the splits of the first when not given", positional=True)
    out: str = option("runs/overlap", "folder to write overlap.html and pairs.csv to", short="-o")
    threshold: float = option(0.0, "cosine from which features are a near copy; calibrated on the data when 0")
    hashes: bool = option(True, "compare perceptual hashes of the picture files too")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite()
