"""What can be set for the commands that prepare pictures: data, features, overlap?"""

from __future__ import annotations

from dataclasses import dataclass

from affect_workbench.workbench.interface import fields
from affect_workbench.workbench.interface.fields import option, path_option


def _classes() -> str:
    """What numbers that stand for labels mean."""
    return option("", "what label numbers mean: a known order (fer2013, affectnet8, rafdb ...), or labels with commas")


@dataclass(frozen=True)
class DataSettings:
    """Recognise a dataset's layout, count its pictures, list every problem, and write its manifest."""

    root: str = option(
        "",
        "a data set in any known layout, as a folder, a file or hf:ORG/NAME; or a table with a path column",
        required=True,
        positional=True,
    )
    out: str = path_option("", "manifest folder to write; default: nothing is written", short="-o")
    layout: str = option("", "the layout, if it is not recognised automatically")
    classes: str = _classes()
    all_problems: bool = option(False, "list every problem, not only the first three of each kind", was="every")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite("the manifest")


@dataclass(frozen=True)
class FeaturesSettings:
    """Encode the pictures of a manifest; resumes after an interruption and encodes only new pictures."""

    manifest: str = option(
        "",
        "manifest folder, a table with a path column, or anything that the command data takes",
        required=True,
        positional=True,
    )
    encoder: str = option(
        "",
        "open_clip:MODEL/TAG, open_clip:MODEL/CHECKPOINT-FILE, hf-hub:NAME, transformers:NAME or builtin:scenes",
        required=True,
    )
    out: str = path_option("", "feature folder to write", required=True, short="-o")
    device: str = option("auto", "cpu, cuda, mps, or auto for the fastest available")
    precision: str = option("auto", "float32, bfloat16, float16; auto: half precision on a GPU, full elsewhere")
    workers: int = fields.picture_workers()
    classes: str = _classes()
    allow_outside: bool = fields.allow_outside()


@dataclass(frozen=True)
class OverlapSettings:
    """Find exact duplicates and near-duplicates between two sets of pictures, and show the pairs."""

    a: str = option("", "manifest or feature folder, usually the training set", required=True, positional=True)
    b: str = option("", "another one, usually the test set; default: the splits of the first are compared", positional=True)
    out: str = path_option("runs/overlap", "folder for overlap.html and pairs.csv", short="-o")
    threshold: float = option(0.0, "smallest cosine of near-duplicate features; 0: calibrated on the data")
    hashes: bool = option(True, "also compare perceptual hashes of the picture files")
    allow_outside: bool = fields.allow_outside()
    overwrite: bool = fields.overwrite()
