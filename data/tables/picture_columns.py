"""What becomes of a Parquet column that holds the pictures themselves, as Hugging Face's `datasets` writes them?"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def without_pictures(columns: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The columns without the bytes of pictures, and a sentence for each column that held some.

    Of a structure {bytes, path} the paths are kept under the column's name where every picture has one; its bytes, and a
    column of nothing but bytes, are left out: the workbench reads pictures from files.

    Args:
        columns: name -> Arrow column.
    """
    kept: dict[str, Any] = {}
    notes: list[str] = []
    for name, column in columns.items():
        if _is_picture(column.type):
            paths = pc.struct_field(column, "path")
            if paths.null_count == 0 and len(paths):
                kept[name] = paths
                said = "their bytes are ignored, their paths are kept as its values"
            else:
                said = "it is ignored"
            notes.append(f"column {name!r} holds pictures (bytes and path), which the workbench reads from files: {said}")
        elif pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            notes.append(f"column {name!r} holds pictures or other bytes: it is ignored")
        else:
            kept[name] = column
    return kept, notes


def _is_picture(kind: Any) -> bool:
    if not pa.types.is_struct(kind):
        return False
    fields = {kind.field(at).name for at in range(kind.num_fields)}
    return bool({"bytes", "path"} <= fields)
