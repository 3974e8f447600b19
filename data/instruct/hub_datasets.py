"""How do conversations become a folder that `datasets.load_from_disk` opens, with the pictures in it, and back?

Needs the package `datasets` (`pip install 'affect-workbench[mmllm]'`), which is imported here alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from affect_workbench.data.instruct.formats import Conversations, as_messages, record_from
from affect_workbench.data.instruct.records import InstructRecord


def require_datasets() -> Any:
    """The package.

    Raises:
        ValueError: it is missing.
    """
    try:
        import datasets
    except ImportError as error:
        raise ValueError("the format 'datasets' needs the package: pip install 'affect-workbench[mmllm]'") from error
    return datasets


def write_datasets(folder: Path, stages: Mapping[str, Sequence[InstructRecord]], *, root: Path) -> None:
    """A `DatasetDict` with one split a stage: the columns of `messages`, decoded pictures in `images`, and `image`.

    Raises:
        ValueError: the package is missing.
        OSError: a picture is missing.
    """
    datasets = require_datasets()
    features = _features(datasets)
    splits = {
        stage.replace("-", "_"): datasets.Dataset.from_list(
            [as_messages(one, root) | {"image": one.image} for one in records], features=features
        )
        for stage, records in stages.items()
    }
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        datasets.DatasetDict(splits).save_to_disk(folder)
    finally:
        if bars:
            datasets.enable_progress_bars()


def read_datasets(folder: Path) -> Conversations:
    """The conversations of such a folder; their pictures are not opened.

    Raises:
        ValueError: the package is missing, or the folder is none that it wrote.
    """
    datasets = require_datasets()
    try:
        splits = datasets.load_from_disk(str(folder))
    except (FileNotFoundError, ValueError) as error:
        raise ValueError(f"{folder} is no folder of a DatasetDict: {error}") from error
    records = []
    for split in splits.values():
        for item in split.remove_columns("images"):
            texts = ["".join(part["text"] for part in one["content"] if part["text"]) for one in item["messages"]]
            roles = ["human" if one["role"] == "user" else "gpt" for one in item["messages"]]
            records.append(record_from(item, item["image"], list(zip(roles, texts, strict=True))))
    return Conversations(tuple(records))


def _features(datasets: Any) -> Any:
    text = datasets.Value("string")
    part = {"type": text, "text": text}
    provenance = {"writer": text, "model": text, "prompts": text, "seed": datasets.Value("int64"), "picture": text}
    return datasets.Features(
        {
            "id": text,
            "messages": datasets.List({"role": text, "content": datasets.List(part)}),
            "images": datasets.List(datasets.Image()),
            "image_id": text,
            "kind": text,
            "label": text,
            "tasks": datasets.List(text),
            "provenance": provenance,
            "image": text,
        }
    )
