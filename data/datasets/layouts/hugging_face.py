"""How is a data set read as Hugging Face's `datasets` keeps it: in Parquet, by `save_to_disk`, or on the hub?

Read with Arrow alone: nothing of a data set is run. Names of classes stand in the schema of each file, or in the README.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from affect_workbench.data.datasets.layouts.layout import LABEL_NAMES, FileLayout, Found, Source, json_object_in
from affect_workbench.data.datasets.layouts.persons import merged
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.text_files import text_of
from affect_workbench.data.tables.column_types import series_of
from affect_workbench.data.tables.headers import ID_COLUMNS
from affect_workbench.data.taxonomies.class_orders import ClassOrder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

HUB = "hf:"
"""What the name of a data set on the hub begins with here."""
_AT_ONCE = 256
_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*(\n|\Z)", re.DOTALL)


def on_hub(name: str) -> Path:
    """The folder that a data set of the hub, `hf:org/name`, was fetched into: Hugging Face's own cache.

    Raises:
        ValueError: the package is missing, there is no such data set, or no network.
    """
    try:
        import huggingface_hub
    except ImportError as error:
        raise ValueError(f"{name} needs the package: pip install 'affect-workbench[mmllm]'") from error
    repository = name.removeprefix(HUB)
    try:
        return Path(huggingface_hub.snapshot_download(repository, repo_type="dataset"))
    except Exception as error:  # the client's errors are of many kinds, those of the network among them
        reason = " ".join(str(error).split())[:160]
        raise ValueError(f"the data set {repository!r} cannot be fetched from the hub: {reason}") from error


@dataclass
class _Part:
    """A file with rows: how to read it, and of which split it is."""

    file: Path
    split: str | None
    schema: Any
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def batches(self) -> Iterator[Any]:
        if self.file.suffix == ".parquet":
            yield from pq.ParquetFile(self.file).iter_batches(batch_size=_AT_ONCE)
            return
        with pa.memory_map(str(self.file)) as mapped, pa.ipc.open_stream(mapped) as stream:
            for batch in stream:
                for start in range(0, batch.num_rows, _AT_ONCE):
                    yield batch.slice(start, _AT_ONCE)


def _parquet_files(source: Source) -> list[Path]:
    return [path for path in source.ending(".parquet") if _has_pictures(path)]


def _has_pictures(path: Path) -> bool:
    """Whether a column holds pictures; a damaged file may, so that it is read, and told, rather than left out."""
    try:
        return bool(_picture_columns(_schema(path)))
    except ValueError:
        return True


def _parquet(source: Source, files: Sequence[Path]) -> Found:
    names = _readme_names(source)
    parts = []
    for file in files:
        schema = _schema(file)
        parts.append(_Part(file, source.split_of(file), schema, {**names, **_class_names(schema)}))
    return _rows(source, parts)


def _saved_files(source: Source) -> list[Path]:
    return [path.parent for path in source.called("state.json") if (path.parent / "dataset_info.json").is_file()]


def _saved(source: Source, folders: Sequence[Path]) -> Found:
    parts = []
    for folder in folders:
        state, info = json_object_in(folder / "state.json"), json_object_in(folder / "dataset_info.json")
        entries = state.get("_data_files")
        if not isinstance(entries, list) or not all(isinstance(one, dict) and "filename" in one for one in entries):
            raise ValueError(f"{folder / 'state.json'} lists no files under _data_files: save the data set again")
        names = _names_in(info.get("features") or {})
        split = source.split_of(folder / "state.json") or state.get("_split")
        for entry in entries:
            file = folder / Path(str(entry["filename"])).name
            parts.append(_Part(file, split, _schema(file), names))
    if not any(_picture_columns(part.schema) for part in parts):
        raise ValueError(f"{source.place} is a data set without a column of pictures: expected one of bytes and path")
    return _rows(source, parts)


def _rows(source: Source, parts: Sequence[_Part]) -> Found:
    """The rows of all files, their pictures kept."""
    columns = _picture_columns(parts[0].schema)
    picture = columns[0]
    notes: list[str] = []
    if len(columns) > 1:
        notes.append(f"pictures are those of column {picture!r}; {', '.join(map(repr, columns[1:]))}: left out")
    tables: list[pd.DataFrame] = []
    times: Counter[str] = Counter()
    left: dict[str, None] = {}
    files: set[str] = set()
    empty = 0
    for part in parts:
        for batch in part.batches():
            if picture not in batch.schema.names:
                raise ValueError(f"{part.file} has no column {picture!r}, which {parts[0].file} has")
            paths = [_placed(source, value, files) for value in batch.column(picture).to_pylist()]
            empty += paths.count(None)
            word = part.split or part.file.stem
            own = [f"{word}-{times[word] + row}" for row in range(len(paths))]
            times[word] += len(paths)
            table = pd.DataFrame({"path": paths, "image_id": own, "split": part.split}, dtype=object)
            for name in batch.schema.names:
                kind = batch.schema.field(name).type
                if name in columns or (_is_nested(kind) and not (pa.types.is_list(kind) and name in LABEL_NAMES)):
                    left[name] = None
                elif pa.types.is_list(kind):
                    table[name] = pd.Series(batch.column(name).to_pylist(), dtype=object)
                elif name not in ("path", "split"):
                    table[name] = series_of(batch.column(name), text=name in (*LABEL_NAMES, *ID_COLUMNS))
            tables.append(table)
    rows = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    rows = rows[rows["path"].notna()].reset_index(drop=True)
    if source.kept.count and files:  # what is no file lies elsewhere than what is one
        root = source.root.absolute()
        rows["path"] = [(root / name).as_posix() if name in files else name for name in rows["path"]]
    own_ids = next((name for name in ID_COLUMNS if any(name in part.schema.names for part in parts)), None)
    if own_ids is None:
        notes.append("ids are the split and the number of the row in it, from 0")
    elif own_ids != "image_id":
        rows = rows.drop(columns="image_id").rename(columns={own_ids: "image_id"})
    if nested := [name for name in left if name not in columns]:
        notes.append(
            f"{plural(len(nested), 'column holds', 'columns hold')} lists or structures: left out ({', '.join(nested)})"
        )
    if empty:
        notes.append(f"{plural(empty, 'row has', 'rows have')} no picture: left out")
    names = {name: list(words) for part in parts for name, words in part.names.items()}
    return _labelled(rows, names, notes, kept=source.kept.count > 0)


def _labelled(rows: pd.DataFrame, names: Mapping[str, Sequence[str]], notes: list[str], *, kept: bool) -> Found:
    """The rows with their column of labels called so; several labels a picture become votes, other classes words."""
    chosen = next((name for name in LABEL_NAMES if name in rows), next((name for name in names if name in rows), None))
    for name, words in names.items():
        if name in rows and name != chosen:
            classes = ClassOrder("", tuple(words))
            rows[name] = [None if pd.isna(value) else classes.label_of(int(value)) for value in rows[name]]
    if chosen is None:
        return Found(rows, notes, kept=kept)
    rows = rows.rename(columns={chosen: "label"})
    title = f"the data set names them in column {chosen!r}"
    order = ClassOrder("", tuple(names[chosen]), title=title) if chosen in names else None
    if not rows["label"].map(lambda value: isinstance(value, list)).any():
        return Found(rows, notes, order=order, kept=kept)
    given = [[] if not isinstance(value, list) else value for value in rows["label"]]
    if order is not None:
        given = [[label for number in some if (label := order.label_of(int(number)))] for some in given]
    labels = order.labels if order is not None else tuple(sorted({str(label) for some in given for label in some}))
    records = [
        {**{str(name): value for name, value in record.items()}, "labels": [str(label) for label in some]}
        for record, some in zip(rows.drop(columns="label").to_dict("records"), given, strict=True)
    ]
    table, said = merged(records, labels=labels)
    notes = [*notes, "a picture's labels share one vote equally", *said]
    return Found(table, notes, taxonomy=Taxonomy.spelt_as(labels), kept=kept)


def _placed(source: Source, value: object, files: set[str]) -> str | None:
    """Where the picture of a cell is: kept, or a file of the data set, which is added to `files`."""
    if isinstance(value, bytes):
        return source.kept.put(value)
    if isinstance(value, dict) and value.get("bytes"):
        return source.kept.put(value["bytes"])
    name = value.get("path") if isinstance(value, dict) else value
    if not isinstance(name, str) or not name:
        return None
    files.add(source.disk.ending(name))
    return source.disk.ending(name)


def _schema(path: Path) -> Any:
    try:
        if path.suffix == ".parquet":
            return pq.read_schema(path)
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as stream:
            return stream.schema
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} is not there, though the data set lists it: save it again") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} is damaged: {' '.join(str(error).split())[:120]}") from error


def _picture_columns(schema: Any) -> list[str]:
    """Columns of structures {bytes, path}, else of bytes."""
    kinds = {field.name: field.type for field in schema}
    structures = [
        name for name, kind in kinds.items() if pa.types.is_struct(kind) and {"bytes", "path"} <= {one.name for one in kind}
    ]
    return structures or [name for name, kind in kinds.items() if pa.types.is_binary(kind) or pa.types.is_large_binary(kind)]


def _is_nested(kind: Any) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(schema: Any) -> dict[str, list[str]]:
    """Column -> names of its classes, of the schema that `datasets` writes."""
    try:
        return _names_in(json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {}))
    except (ValueError, AttributeError):
        return {}


def _names_in(features: Mapping[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, kind in features.items():
        inner = kind[0] if isinstance(kind, list) and kind else kind.get("feature", kind) if isinstance(kind, dict) else kind
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and isinstance(inner.get("names"), list):
            found[str(name)] = [str(word) for word in inner["names"]]
    return found


def _readme_names(source: Source) -> dict[str, list[str]]:
    """The same, of the data set's README."""
    readme = next(iter(source.called("readme.md")), None)
    front = _FRONT.match(text_of(readme)) if readme is not None else None
    if front is None or "class_label" not in front[1]:
        return {}
    try:
        import yaml
    except ImportError as error:
        raise ValueError(f"{readme} names the classes in YAML: pip install pyyaml") from error
    try:
        info = yaml.safe_load(front[1])["dataset_info"]
        found: dict[str, list[str]] = {}
        for config in info if isinstance(info, list) else [info]:
            for one in config["features"]:
                names = one["dtype"]["class_label"]["names"] if isinstance(one.get("dtype"), dict) else {}
                ordered = (
                    sorted(names.items(), key=lambda item: int(item[0])) if isinstance(names, dict) else enumerate(names)
                )
                if names:
                    found.setdefault(str(one["name"]), [str(word) for _, word in ordered])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{readme} names classes in a way that is not understood: {' '.join(str(error).split())}"
        ) from error
    return found


PARQUET = FileLayout(
    "hf-parquet", "Hugging Face, Parquet", "Parquet file with a column of pictures", _parquet_files, _parquet
)
SAVED = FileLayout("hf-saved", "Hugging Face, save_to_disk", "state.json beside dataset_info.json", _saved_files, _saved)
