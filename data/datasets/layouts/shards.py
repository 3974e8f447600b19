"""How are pictures read that lie in tar files with what is known of them (WebDataset)?

A name up to its first dot is the key of a sample, the rest says which part of it a file is; the parts lie side by side
(https://github.com/webdataset/webdataset). Nothing is unpacked but pictures, and they get names of their own.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from affect_workbench.data.datasets.checks import ATTRIBUTES, Problem
from affect_workbench.data.datasets.layouts.layout import LABEL_NAMES, FileLayout, Found, Source, table_of_records
from affect_workbench.data.images.decode import PICTURE_SUFFIXES
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.text_files import lines_of, text_of
from affect_workbench.data.taxonomies.class_orders import ClassOrder

_LARGEST = 1 << 28


def _shard_files(source: Source) -> list[Path]:
    return source.ending(".tar")


def _webdataset(source: Source, files: Sequence[Path]) -> Found:
    records: dict[str, dict[str, Any]] = {}
    problems: list[Problem] = []
    without, repeated = 0, 0
    for file in files:
        split = source.split_of(file)
        for key, parts in _samples(file):
            picture = next((name for name in parts if f".{name.rpartition('.')[2]}" in PICTURE_SUFFIXES), None)
            name = f"{split}/{key}" if split else key
            if picture is None:
                without += 1
                continue
            if name in records:
                repeated += 1
                continue
            known, wrong = _known(parts)
            problems += [Problem(ATTRIBUTES, f"{file.name}/{key}", text) for text in wrong]
            records[name] = {**known, "image_id": name, "path": source.kept.put(parts[picture]), "split": split}
    notes = ["ids are the split and the key of the sample"]
    if without:
        notes.append(f"{plural(without, 'sample has', 'samples have')} no picture: left out")
    if repeated:
        notes.append(f"{plural(repeated, 'key is', 'keys are')} there before: left out, the first counts")
    return Found(table_of_records(records.values()), notes, problems, order=_order(source), kept=True)


def _samples(file: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Key and parts of each sample."""
    now, parts = "", dict[str, bytes]()
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                folder, slash, name = member.name.removeprefix("./").rpartition("/")
                key, dot, part = name.partition(".")
                if not member.isfile() or not dot or not key or member.size > _LARGEST:
                    continue
                if folder + slash + key != now and parts:
                    yield now, parts
                    parts = {}
                now = folder + slash + key
                content = archive.extractfile(member)
                parts[part.casefold()] = b"" if content is None else content.read()
    except (tarfile.TarError, OSError) as error:
        raise ValueError(f"{file} cannot be read as a tar file: {error}") from error
    if parts:
        yield now, parts


def _known(parts: dict[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    """Label and attributes of a sample, and what cannot be read."""
    known: dict[str, Any] = {}
    wrong: list[str] = []
    for name, content in parts.items():
        kind = name.rpartition(".")[2]
        try:
            if kind == "cls":
                known["label"] = content.decode().strip() or None
            elif kind == "json":
                found = json.loads(content)
                if not isinstance(found, dict):
                    raise ValueError("no JSON object")
                known |= {key: value for key, value in found.items() if isinstance(value, str | int | float | bool)}
        except (ValueError, RecursionError) as error:
            wrong.append(f"its part {name} cannot be read: {' '.join(str(error).split())}")
    label = known.get("label", next((known[name] for name in LABEL_NAMES if name in known), None))
    others = {key: value for key, value in known.items() if key not in (*LABEL_NAMES, "path", "image_id", "split")}
    return others | ({} if label is None else {"label": str(label)}), wrong


def _order(source: Source) -> ClassOrder | None:
    """The names of the classes where a list of them lies beside the shards, one a line."""
    lists = source.called("classnames.txt", "classes.txt") if source.place.is_dir() else []
    names = [line.strip() for line in lines_of(text_of(lists[0])) if line.strip()] if lists else []
    return ClassOrder("", tuple(names), title=f"{lists[0].name} says") if len(names) > 1 else None


WEBDATASET = FileLayout("webdataset", "WebDataset", "tar file of samples", _shard_files, _webdataset)
