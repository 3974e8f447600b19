"""How does a user look into a multimodal model: load it, record what it computes, change it for a while?"""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.images.decode import content_id
from affect_workbench.data.plurals import plural
from affect_workbench.probes.attach.source import ModelSource

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel
    from affect_workbench.probes.attach.source import ModelSize


def attach(
    name: str,
    *,
    dtype: str = "auto",
    device: str = "auto",
    device_map: str = "",
    quantization: str = "",
    attn_implementation: str = "",
    trust_remote_code: bool = False,
) -> Tap:
    """A multimodal model to look into, unchanged; it is loaded when a `with` block begins, or when it is first needed.

        with aw.attach("llava-hf/llava-1.5-7b-hf", dtype="bfloat16", device_map="auto") as tap:
            features = tap.features("manifest", at=["connector.out", "layers.16", "last"])

    Args:
        name: a folder or a repository of the Hugging Face hub, `MODEL[@revision]`.
        dtype: `auto` (as saved), `float32`, `bfloat16` or `float16`.
        device: where it runs; `auto` for the fastest there is.
        device_map: how accelerate spreads it over several devices.
        quantization: `8bit` or `4bit`, by bitsandbytes.
        attn_implementation: `eager` to pool by attention.
        trust_remote_code: whether code of the repository may run.

    Raises:
        ValueError: the model cannot be loaded (why, in one line).
    """
    return Tap(
        ModelSource.parse(
            name,
            dtype=dtype,
            device=device,
            device_map=device_map,
            quantization=quantization,
            attn_implementation=attn_implementation,
            trust_remote_code=trust_remote_code,
        )
    )


class Tap:
    """A multimodal model that is listened to; as a context manager it lets go of the model at the end."""

    def __init__(self, source: ModelSource, *, model: MultimodalModel | None = None) -> None:
        """The model that a source names, loaded already where `model` is given."""
        self.source = source
        self._model = model

    def __enter__(self) -> Tap:
        _ = self.model
        return self

    def __exit__(self, *_: object) -> None:
        self._model = None
        gc.collect()
        import torch

        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def __repr__(self) -> str:
        return f"<Tap of {self.source.name}: {'loaded' if self._model is not None else 'not loaded'}>"

    @property
    def model(self) -> MultimodalModel:
        """The model, loaded when it is first asked for."""
        from affect_workbench.probes.attach.source import load_model

        if self._model is None:
            self._model = load_model(self.source)
        return self._model

    @property
    def size(self) -> ModelSize:
        """What loading the model needs; nothing is loaded to find out."""
        from affect_workbench.probes.attach.source import size_of

        return size_of(self.source)

    @property
    def places(self) -> tuple[str, ...]:
        """The places that can be listened at, in the order in which a picture passes them."""
        from affect_workbench.probes.attach.taps import places_of

        return places_of(self.model)

    def features(
        self,
        manifest: Manifest | Path | str | Sequence[Path | str],
        *,
        at: Sequence[str] | str,
        question: str | None = None,
        out: Path | str | None = None,
        batch: int | None = None,
        progress: bool = True,
    ) -> dict[str, FeatureSet]:
        """What the model computes at places for pictures, from one forward pass a batch.

        Args:
            manifest: the pictures: a manifest or its folder, a table with a column `path`, a dataset's folder, or paths.
            at: places, as `PLACE` or `PLACE:POOL` with the pool `mean`, `max`, `last` or `attention`: how the tokens of a
                picture become one vector. `last` is the prompt's last token.
            question: what the model is asked with every picture.
            out: a folder for one feature folder a place; a run that was interrupted goes on there. Without it they are in a
                temporary folder until Python ends.
            batch: pictures a forward pass; fewer take less memory.
            progress: show a bar.

        Returns:
            place as text -> features `(n, d)` of the readable pictures; the others are named in a warning.

        Raises:
            ValueError: no such place (those that there are), or no picture can be read.
            FileNotFoundError: no manifest.
        """
        from affect_workbench.probes.attach.recording import BATCH, QUESTION, record_pictures

        recorded = record_pictures(
            self.model,
            manifest_from(manifest, progress=progress),
            [at] if isinstance(at, str) else at,
            out=Path(out) if out is not None else _temporary(),
            question=QUESTION if question is None else question,
            batch=BATCH if batch is None else batch,
            progress=progress,
        )
        if len(recorded.unreadable):
            first = recorded.unreadable.iloc[0]
            warnings.warn(
                f"skipped {plural(len(recorded.unreadable), 'picture')}, first {first['path']}: {first['reason']}",
                stacklevel=2,
            )
        return recorded.features

    def erase(self, place: str, erasers: Any) -> AbstractContextManager[None]:
        """Takes something out of the values at a place, at the pictures' tokens, while a `with` block runs.

        What is recorded in it behind the place belongs into an `out` of its own.

        Args:
            place: `connector.out` or `layers.N`.
            erasers: see `probes.attach.erasing.erased`.

        Raises:
            ValueError: a place that cannot be erased at, or erasers of another width.
        """
        from affect_workbench.probes.attach.erasing import erased

        return erased(self.model, place, erasers)


def manifest_from(given: Manifest | Path | str | Sequence[Path | str], *, progress: bool = True) -> Manifest:
    """The pictures that a manifest, its folder, a table, a dataset's folder or a list of paths names.

    Pictures of a saved manifest are known by the content that they have now.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: no picture is named, or a path more than once.
    """
    if isinstance(given, Manifest):
        return given
    if not isinstance(given, str | Path):
        return _of_paths([Path(os.path.abspath(one)) for one in given])
    path = Path(given)
    if Manifest.is_saved(path):
        from affect_workbench.data.datasets.changes import with_changes

        return with_changes(Manifest.load(path), path)[0]
    if path.is_dir():
        from affect_workbench.data.datasets.folder_walk import pictures_under
        from affect_workbench.data.datasets.layouts.known import read_dataset, recognise

        if recognise(path) is None and (loose := pictures_under(path).pictures):
            return _of_paths([Path(os.path.abspath(one)) for one in loose])
        return read_dataset(path, progress=progress)
    from affect_workbench.data.datasets.manifest_table import read_manifest

    return read_manifest(path, progress=progress)


def _of_paths(paths: Sequence[Path]) -> Manifest:
    """A manifest of pictures that are only known by where they are; one that cannot be read is found out later."""
    if not paths:
        raise ValueError("no pictures are given: expected a manifest, a folder, a table, or at least one path")
    rows = pd.DataFrame({"image_id": [str(path) for path in paths], "path": [path.as_posix() for path in paths]})
    return Manifest(rows.assign(content=[_content(path) for path in paths]), Path(paths[0].anchor), "paths")


def _content(path: Path) -> str:
    try:
        return content_id(path)
    except OSError:
        return f"unreadable {path}"


def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="affect-workbench-taps-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
