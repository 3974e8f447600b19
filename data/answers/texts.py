"""Which texts did somebody's model write about which pictures? CSV, Parquet, JSON lines and LLaVA's answers read alike.

Nothing is guessed: a line that cannot be read, names no picture or holds no text at all is left out, counted and named; an
empty text stays one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from affect_workbench.data.answers.text_files import PICTURE_COLUMNS, TEXT_COLUMNS, require_texts
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.column_types import series_of_objects
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.json_lines import json_records
from affect_workbench.data.tables.read import columns_of
from affect_workbench.data.taxonomies.taxonomy import closest

_OF_THE_ANSWER = ("question_id", "prompt", "answer_id", "model_id", "metadata", "run", "kind")


@dataclass(frozen=True)
class Texts:
    """Texts about pictures, any number a picture.

    Attributes:
        rows: one row a text: `image_id`, and `text` (NFKC), which is "" where nothing was answered.
        pictures: one row a picture in the order of their first texts: `image_id`, and columns of the file that do not
            differ between its texts.
        source: where they come from.
        notes: sentences about what was found wanting.
    """

    rows: pd.DataFrame
    pictures: pd.DataFrame
    source: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, *, picture: str = "image_id", text: str = "text", source: str = "data frame"
    ) -> Texts:
        """The texts of a frame with a row a text; other columns that are the same for all texts of a picture are kept.

        Args:
            frame: `t` rows.
            picture: the column of ids.
            text: the column of texts.
            source: where they come from.

        Raises:
            ValueError: a column is not there, or no row names a picture.
        """
        for name in (picture, text):
            if name not in frame:
                raise ValueError(f"{source} has no column {name!r}: {closest(name, map(str, frame.columns))}")
        nameless = frame[picture].isna() | (frame[picture].astype(str).str.strip() == "")
        frame = frame[~nameless].reset_index(drop=True)
        if frame.empty:
            raise ValueError(f"{source} holds no text: expected a row a text, with the id of its picture in {picture!r}")
        ids = frame[picture].astype(str).str.strip()
        written = frame[text].astype(object).where(frame[text].notna(), "").astype(str).str.normalize("NFKC").str.strip()
        others = frame.drop(columns=list({picture, text, "image_id"}.union(_OF_THE_ANSWER) & set(frame.columns)))
        lists = [name for name in others if others[name].map(lambda value: isinstance(value, list | dict)).any()]
        others = others.drop(columns=lists)
        by_picture = others.groupby(ids.to_numpy(), sort=False)
        constant = [str(name) for name in others if (by_picture[str(name)].nunique(dropna=False) <= 1).all()]
        pictures = by_picture[constant].first() if constant else pd.DataFrame(index=pd.unique(ids))
        lost = int(nameless.sum())
        notes = (f"{source}: {plural(lost, 'text names', 'texts name')} no picture: left out",) if lost else ()
        return cls(
            pd.DataFrame({"image_id": ids, "text": written}),
            pictures.rename_axis("image_id").reset_index().astype({"image_id": str}),
            source,
            notes,
        )


def read_texts(path: Path, *, id_column: str = "", text_column: str = "") -> Texts:
    """The texts in a file.

    Args:
        path: CSV, TSV or Parquet, or JSON lines, as LLaVA writes its answers (`question_id`, `text`).
        id_column: names the picture; the first of `PICTURE_COLUMNS` that is there when not given.
        text_column: holds the text; the first of `TEXT_COLUMNS` that is there when not given.

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, no column of ids or of texts, or no line that can be read.
    """
    require_texts(path)
    frame, notes = (_table if is_table(path) else _lines)(path, id_column, text_column)
    picture = id_column or _first(PICTURE_COLUMNS, frame, path, what="ids of the pictures", option="--id-column")
    text = text_column or _first(TEXT_COLUMNS, frame, path, what="texts", option="--text-column")
    texts = Texts.from_frame(frame, picture=picture, text=text, source=path.name)
    return replace(texts, notes=(*notes, *texts.notes))


def _first(legal: Sequence[str], frame: pd.DataFrame, path: Path, *, what: str, option: str) -> str:
    found = next((name for name in legal if name in frame), None)
    if found is None:
        raise ValueError(
            f"{path} has no column for the {what}: expected one of {', '.join(legal)}, or name it with {option}; "
            f"its columns: {', '.join(map(str, frame.columns))}"
        )
    return found


def _table(path: Path, *named: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    read = columns_of(path, text=(*PICTURE_COLUMNS, *TEXT_COLUMNS, *filter(None, named)))
    return read.rows, read.notes


def _lines(path: Path, *named: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A frame of the lines that hold an object, and a sentence that names the others."""
    records, notes = json_records(path)
    as_text = {*PICTURE_COLUMNS, *TEXT_COLUMNS, *named}
    names = dict.fromkeys(name for record in records for name in record)
    columns = {
        name: series_of_objects([record.get(name) for record in records], text=name in as_text) for name in names if name
    }
    return pd.DataFrame(columns, index=range(len(records))), tuple(f"{path.name}: {note}" for note in notes)
