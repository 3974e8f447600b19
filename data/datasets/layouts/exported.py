"""How are pictures read that a labelling tool has exported: FiftyOne, COCO?"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from affect_workbench.data.datasets.checks import UNKNOWN_LABEL, Problem
from affect_workbench.data.datasets.layouts.layout import FileLayout, Found, Source, json_object_in, table_of_records
from affect_workbench.data.datasets.layouts.persons import merged
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.splits import split_of
from affect_workbench.data.taxonomies.class_orders import ClassOrder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

_TRUTH = ("ground_truth", "label", "labels", "emotion")
_LOOKED_AT = 1 << 16


def _sample_files(source: Source) -> list[Path]:
    return [path for path in source.called("samples.json") if (path.parent / "metadata.json").is_file()]


def _fiftyone(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    for file in files:
        samples = json_object_in(file).get("samples")
        if not isinstance(samples, list) or not all(isinstance(one, dict) and "filepath" in one for one in samples):
            raise ValueError(f"{file} is no export of FiftyOne: expected samples, each with a filepath")
        fields = {name for one in samples for name, value in one.items() if _class(value) == "Classification"}
        truth = next((name for name in _TRUTH if name in fields), next(iter(fields), None) if len(fields) == 1 else None)
        if truth is None and fields:
            raise ValueError(
                f"{file} has several fields of labels ({', '.join(sorted(fields))}): call the true one ground_truth"
            )
        if truth is not None:
            notes.append(
                f"labels are those of field {truth!r}" + f"; left out: {sorted(fields - {truth})}" * (len(fields) > 1)
            )
        folder = file.parent.relative_to(source.root).as_posix()
        for one in samples:
            path = str(one["filepath"]).replace("\\", "/")
            label = one.get(truth) if truth is not None else None
            split = next((split for tag in one.get("tags") or [] if (split := split_of(tag))), None)
            known = {
                name: value
                for name, value in one.items()
                if isinstance(value, str | int | float | bool) and not name.startswith("_") and name not in _RESERVED
            }
            path = path if folder == "." or path.startswith("/") else f"{folder}/{path}"
            records.append({**known, "path": path, "split": split, "label": label.get("label") if label else None})
    return Found(table_of_records(records), notes)


_RESERVED = ("id", "filepath", "media_type", "path", "split", "label", "image_id", "content")


def _label_files(source: Source) -> list[Path]:
    return [path for path in source.called("labels.json") if (path.parent / "data").is_dir()]


def _fiftyone_labels(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    problems: list[Problem] = []
    words: dict[str, None] = {}
    several = False
    for file in files:
        exported = json_object_in(file)
        labels, classes = exported.get("labels"), exported.get("classes")
        if not isinstance(labels, dict):
            raise ValueError(f"{file} is no export of FiftyOne: expected the key labels, with a label for each picture")
        order = ClassOrder("", tuple(map(str, classes))) if classes else None
        folder = (file.parent / "data").relative_to(source.root).as_posix()
        pictures = {name.rpartition(".")[0]: name for name in source.disk.names}
        words |= dict.fromkeys(order.labels if order else ())
        for key, given in labels.items():
            path = pictures.get(f"{folder}/{key}", f"{folder}/{key}")
            many = given if isinstance(given, list) else [given]
            several |= isinstance(given, list)
            attributes = given.get("attributes") if isinstance(given, dict) else None
            found = [label for one in many if (label := _word(one, order)) is not None]
            if len(found) < sum(one is not None for one in many):
                problems.append(Problem(UNKNOWN_LABEL, path, f"{json.dumps(given)[:80]} is no class of {file.name}"))
            words |= dict.fromkeys(found)
            known = attributes if isinstance(attributes, dict) else {}
            scalars = {name: value for name, value in known.items() if isinstance(value, str | int | float | bool)}
            records.append({**scalars, "path": path, "labels": found, "split": source.split_of(file)})
    if several:
        table, notes = merged(records, labels=tuple(words))
        notes.insert(0, "a picture's labels share one vote equally")
        return Found(table, notes, problems, Taxonomy.spelt_as(words))
    rows = [
        {name: value for name, value in record.items() if name != "labels"}
        | {"label": record["labels"][0] if record["labels"] else None}
        for record in records
    ]
    taxonomy = Taxonomy.spelt_as(words) if len(words) > 1 else None
    return Found(table_of_records(rows), [], problems, taxonomy)


def _word(given: Any, order: ClassOrder | None) -> str | None:
    """The label that an entry names, by number where there are classes."""
    value = given.get("label") if isinstance(given, dict) else given
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return order.label_of(value) if order is not None else str(value)
    return str(value)


def _coco_files(source: Source) -> list[Path]:
    return [path for path in source.ending(".json") if {"images", "annotations", "categories"} <= _keys(path)]


def _coco(source: Source, files: Sequence[Path]) -> Found:
    records: list[dict[str, Any]] = []
    problems: list[Problem] = []
    labels: dict[str, None] = {}
    lost = 0
    for file in files:
        exported = json_object_in(file)
        try:
            names = {str(one["id"]): str(one["name"]) for one in exported["categories"]}
            pictures = {str(one["id"]): str(one["file_name"]) for one in exported["images"]}
            given = [(str(one["image_id"]), str(one["category_id"])) for one in exported["annotations"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{file} is no COCO file: an entry has no {error}, or is no object") from error
        labels |= dict.fromkeys(names.values())
        split = source.split_of(file)
        marked = {picture for picture, _ in given}
        lost += sum(picture not in pictures for picture, _ in given)
        for picture, category in given:
            if picture in pictures:
                label = [names[category]] if category in names else []
                if not label:
                    problems.append(Problem(UNKNOWN_LABEL, pictures[picture], f"no category has the id {category}"))
                records.append({"path": pictures[picture], "labels": label, "split": split})
        records += [
            {"path": name, "labels": [], "split": split} for picture, name in pictures.items() if picture not in marked
        ]
    rows, notes = merged(records, labels=tuple(labels))
    notes.insert(0, "every annotation of a picture is a vote for its category")
    if lost:
        notes.append(f"{plural(lost, 'annotation is', 'annotations are')} of no picture that is listed: left out")
    return Found(rows, notes, problems, Taxonomy.spelt_as(labels) if len(labels) > 1 else None)


def _keys(path: Path) -> set[str]:
    """Names of keys at the beginning and the end of a JSON file."""
    try:
        with path.open("rb") as file:
            beginning = file.read(_LOOKED_AT)
            file.seek(max(path.stat().st_size - _LOOKED_AT, 0))
            text = (beginning + file.read(_LOOKED_AT)).decode(errors="replace")
    except OSError:
        return set()
    return set(re.findall(r'"(\w+)"\s*:', text))


def _class(value: object) -> str:
    return str(value.get("_cls", "")) if isinstance(value, dict) else ""


FIFTYONE = FileLayout("fiftyone", "FiftyOne, data set", "samples.json beside metadata.json", _sample_files, _fiftyone)
FIFTYONE_LABELS = FileLayout(
    "fiftyone-labels", "FiftyOne, image classification", "labels.json beside the folder data", _label_files, _fiftyone_labels
)
COCO = FileLayout("coco", "COCO", "JSON file with images, annotations and categories", _coco_files, _coco)
