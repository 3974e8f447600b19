"""Which pictures are there, what is known of each, and what was wrong with the rest?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from affect_workbench.data.datasets.checks import Problem, content_names, inspected, problem_table
from affect_workbench.data.datasets.hash_splits import SHARES, hash_splits
from affect_workbench.data.datasets.labels import labels_from_votes, with_known_labels
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, require_complete, write_json
from affect_workbench.data.storage.saved import read_record
from affect_workbench.data.storage.saved_arrays import read_parquet
from affect_workbench.data.tables.columns import CORE_COLUMNS, VOTE_PREFIX, attribute_columns
from affect_workbench.data.tables.read import named, with_ids
from affect_workbench.data.tables.splits import with_split_names
from affect_workbench.data.taxonomies.class_orders import ClassOrder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy

SCHEMA = 1


@dataclass(frozen=True)
class Listing:
    """What a dataset's folders, lists and tables say of its pictures, before any of them is opened.

    Attributes:
        rows: `path`, and what is known of each picture; `label` as spelt on disk.
        root: what relative paths are relative to.
        layout: how it was read, for the record.
        taxonomy: the labels, None where there are none.
        problems: what was found wrong.
        notes: what was decided.
        order: what numbers in `label` stand for; they are to be named by `data.datasets.labels` before a manifest is made.
    """

    rows: pd.DataFrame
    root: Path
    layout: str
    taxonomy: Taxonomy | None
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()
    order: ClassOrder | None = None


@dataclass(frozen=True)
class Manifest:
    """The `n` readable pictures of a dataset, a row each, and everything that was wrong with it.

    Attributes:
        rows: unique text `image_id`; `path`, in posix form and relative to `root` where it lies under it, else absolute;
            `content`, 16 hex digits of the bytes' SHA-256; optionally `label`, `split`, `group_id`, `vote_<label>`
            columns; every other column is an attribute. Labels may be missing.
        root: the dataset's folder.
        layout: the layout it was read by.
        taxonomy: the labels, None where there are none.
        problems: columns `kind` (see `data.datasets.checks.KINDS`), `path`, `detail`.
        notes: sentences about decisions made while reading (splits made, ties, labels taken from votes).

    Raises:
        ValueError: a column is missing, ids or paths repeat or are missing, or a label is outside the taxonomy.
    """

    rows: pd.DataFrame
    root: Path
    layout: str
    taxonomy: Taxonomy | None = None
    problems: pd.DataFrame = field(default_factory=lambda: problem_table([]))
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        absent = [name for name in ("image_id", "path", "content") if name not in self.rows]
        if absent:
            raise ValueError(f"manifest: no column {', '.join(absent)}; columns: {', '.join(map(str, self.rows.columns))}")
        rows = with_split_names(with_ids(self.rows, where="manifest"))
        for name in ("path", "content"):
            if rows[name].isna().any():
                raise ValueError(
                    f"manifest: {plural(int(rows[name].isna().sum()), 'row has', 'rows have')} no "
                    f"{name}: leave those rows out"
                )
        repeated = rows["path"][rows["path"].duplicated()].unique()
        if len(repeated):
            raise ValueError(
                f"manifest: {plural(len(repeated), 'path occurs', 'paths occur')} more than once, first {named(repeated)}"
            )
        if self.taxonomy is not None and "label" in rows:
            self.taxonomy.codes(rows["label"].astype(object))
        object.__setattr__(self, "rows", _ordered(rows))
        object.__setattr__(self, "root", Path(os.path.abspath(self.root)))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def attributes(self) -> list[str]:
        """Names of the attribute columns: neither core, nor votes, nor `content`."""
        return attribute_columns(self.rows)

    @property
    def votes(self) -> list[str]:
        """Names of the `vote_<label>` columns."""
        return [str(name) for name in self.rows.columns if str(name).startswith(VOTE_PREFIX)]

    def picture_path(self, i: int) -> Path:
        """Where picture `i` lies, absolute."""
        return self.root / str(self.rows["path"].iloc[i])

    def paths(self) -> list[Path]:
        """Where the pictures lie, absolute, in the order of the rows."""
        return [self.root / str(path) for path in self.rows["path"]]

    def counts(self) -> pd.DataFrame:
        """Pictures by label (rows, in the taxonomy's order, absent ones as 0) and split (columns), with totals `all`.

        Pictures without a label are counted under `(no label)`, those without a split under `(no split)`.
        """
        label = self._filled("label", "(no label)")
        split = self._filled("split", "(no split)")
        labels = list(self.taxonomy.labels) if self.taxonomy is not None else []
        labels += sorted(set(label) - {*labels, "(no label)"})
        if (label == "(no label)").any():
            labels.append("(no label)")
        usual = [name for name in ("train", "val", "test") if (split == name).any()]
        splits = usual + sorted(set(split) - {*usual, "(no split)"})
        if (split == "(no split)").any():
            splits.append("(no split)")
        table = pd.crosstab(label, split).reindex(index=labels, columns=splits, fill_value=0).astype("int64")
        table = pd.concat([table, table.sum(axis=1).rename("all")], axis=1)
        table.loc["all"] = table.sum(axis=0)
        return table.rename_axis(index="label", columns="split")

    def _filled(self, column: str, otherwise: str) -> pd.Series:
        values = self.rows[column] if column in self.rows else pd.Series([None] * len(self.rows), dtype=object)
        return values.astype(object).where(values.notna(), otherwise).astype(str).rename(column)

    def save(self, folder: Path | str, *, overwrite: bool = False) -> None:
        """Writes `rows.parquet`, `problems.parquet`, `manifest.json`; the folder appears whole or not at all.

        `problems.csv` is the same table for people to open.

        Raises:
            FileExistsError: the folder exists and `overwrite` is False.
        """
        folder = Path(folder)
        with atomic_folder(folder, overwrite=overwrite) as partial:
            self.rows.to_parquet(partial / "rows.parquet")
            self.problems.astype(object).to_parquet(partial / "problems.parquet")
            self.problems.to_csv(partial / "problems.csv", index=False)
            write_json(
                partial / "manifest.json",
                {
                    "schema": SCHEMA,
                    "root": self.root.as_posix(),
                    "root_from_here": Path(os.path.relpath(self.root, os.path.abspath(folder))).as_posix(),
                    "layout": self.layout,
                    "taxonomy": None if self.taxonomy is None else self.taxonomy.as_json(),
                    "notes": list(self.notes),
                },
            )

    @classmethod
    def load(cls, folder: Path | str, *, root: Path | str | None = None) -> Manifest:
        """Opens a saved folder. Pictures are sought under `root`, else where they were, else as far from here as then.

        Raises:
            FileNotFoundError: no such folder, or a file is missing.
            ValueError: the folder is unfinished, damaged, or written by another schema.
        """
        folder = Path(folder)
        require_complete(folder, what="manifest")
        again = "read the dataset again"
        record = read_record(folder / "manifest.json", schema=SCHEMA, otherwise=again)
        then, moved = Path(record.text("root")), Path(os.path.abspath(folder / record.text("root_from_here")))
        where = Path(root) if root is not None else (moved if not then.is_dir() and moved.is_dir() else then)
        rows = read_parquet(folder / "rows.parquet", needed=("image_id", "path", "content"), otherwise=again)
        problems = read_parquet(folder / "problems.parquet", needed=("kind", "path", "detail"), otherwise=again)
        taxonomy = Taxonomy.from_record(record, "taxonomy") if record.known("taxonomy") else None
        try:
            return cls(rows, where, record.text("layout"), taxonomy, problems.astype(object), record.texts("notes"))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{folder}: {error}") from error

    @staticmethod
    def is_saved(folder: Path) -> bool:
        """Whether `folder` looks like a saved manifest (finished or not)."""
        return (Path(folder) / "manifest.json").is_file()


def manifest_of(listing: Listing, *, progress: bool = True, allow_outside: bool = False) -> Manifest:
    """The manifest of a listing: pictures checked, ids given, labels resolved, a split made where there is none.

    Args:
        listing: a label that its taxonomy does not know is a problem, and the picture is kept without one. Without
            `label`, votes decide.
        progress: show a bar while pictures are checked.
        allow_outside: also read pictures that a relative path or a link leads to outside of the root.
    """
    rows, taxonomy, problems, notes = listing.rows, listing.taxonomy, list(listing.problems), list(listing.notes)
    if taxonomy is not None and "label" in rows:
        rows, unknown = with_known_labels(rows, taxonomy)
        problems += unknown
    elif taxonomy is not None and any(str(name).startswith(VOTE_PREFIX) for name in rows.columns):
        label, counted = labels_from_votes(rows, taxonomy)
        rows = rows.assign(label=label)
        notes += counted
    rows, wrong = inspected(rows, root=listing.root, progress=progress, allow_outside=allow_outside)
    if "image_id" not in rows:
        rows = rows.assign(image_id=content_names(list(rows["content"]), list(rows["path"])))
    if "split" not in rows or rows["split"].isna().all():
        label = rows["label"] if "label" in rows else pd.Series([None] * len(rows), dtype=object)
        rows = rows.assign(split=hash_splits(list(rows["content"]), list(label)))
        notes.append(
            "no split is given: one was made from a hash of each picture's bytes, stratified by label, "
            + ", ".join(f"{name} {share:.0%}" for name, share in SHARES.items())
        )
    elif rows["split"].isna().any():
        notes.append(f"{plural(int(rows['split'].isna().sum()), 'picture is', 'pictures are')} in no split")
    return Manifest(rows, listing.root, listing.layout, taxonomy, problem_table(problems + wrong), tuple(notes))


def _ordered(rows: pd.DataFrame) -> pd.DataFrame:
    first: Sequence[str] = [name for name in CORE_COLUMNS if name in rows]
    return pd.DataFrame({name: _plain(rows[name]) for name in (*first, *(name for name in rows if name not in first))})


def _plain(column: pd.Series) -> pd.Series:
    """Text, also where text and numbers are mixed, as text with None where it is missing; anything else as it is."""
    if pd.api.types.is_numeric_dtype(column) or not (
        pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)
    ):
        return column
    present = column.dropna()
    if len(present) and not any(isinstance(value, str) for value in present):
        inferred = column.infer_objects()
        if not pd.api.types.is_object_dtype(inferred):
            return inferred
        if all(isinstance(value, bool) for value in present):
            return column.where(column.notna(), None)
    return pd.Series(
        [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)],
        index=column.index,
        dtype=object,
    )
