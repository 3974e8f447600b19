"""How are the cells of a data frame read, so that they say what the same table says as a file?"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from affect_workbench.data.tables.read import Table, typed_columns


def frame_cells(frame: pd.DataFrame) -> Table:
    """The columns of a frame as `data.tables.read.columns_of` reads them from its file, with numbered rows.

    Text loses outer blanks and is missing where nothing is left; `TEXT_COLUMNS` are text, other text that holds only numbers
    is numbers, and categories are their values. Values of several kinds, and objects that no file holds, are their text.

    Raises:
        ValueError: see `with_text_names`.
    """
    frame = with_text_names(frame)
    return typed_columns({str(name): _arrow(column) for name, column in frame.items()})


def with_text_names(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its columns called as in a file: text, without outer blanks.

    Raises:
        ValueError: the columns have several levels, or a column has no name or that of another one.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        raise ValueError(f"the columns of the data frame have {frame.columns.nlevels} levels: expected one name a column")
    names = [str(name).strip() for name in frame.columns]
    if not all(names):
        raise ValueError("a column of the data frame has no name: give it one, or leave it out")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two columns are called {repeated[0]!r}: rename one of them")
    return frame.set_axis(names, axis=1)


def _arrow(column: pd.Series) -> Any:
    """An Arrow column `(n,)`; text where Arrow has no type for the values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    try:
        found = pa.array(column, from_pandas=True)
        if not isinstance(found.type, pa.BaseExtensionType):
            return found
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        pass
    said = [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    return pa.array(said, pa.string())
