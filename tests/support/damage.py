"""What can go wrong with a saved file? Seeded damage by kind of file: bytes, keys, values, columns, headers."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

ODD = (None, True, "", "text", "0", -1, 0, 1e308, 10**30, -(10**400), [], [None], {}, {"a": []}, [[1]], "\ud800")


def damaged(path: Path, rng: random.Random) -> bytes:
    """The file's bytes after damage that fits its kind; one time in three its bytes themselves are hurt."""
    content = path.read_bytes()
    kinds: dict[str, Any] = {".json": _json, ".parquet": _parquet, ".npy": _npy, ".npz": _npz, ".csv": _csv, ".toml": _toml}
    if path.suffix not in kinds or rng.random() < 1 / 3:
        return _bytes(content, rng)
    return bytes(kinds[path.suffix](content, rng))


def _bytes(content: bytes, rng: random.Random) -> bytes:
    hurt = bytearray(content)
    what = rng.choice(("flip", "flip", "cut", "insert", "empty", "repeat"))
    if what == "empty" or not hurt:
        return b""
    if what == "cut":
        return bytes(hurt[: rng.randrange(len(hurt))])
    if what == "insert":
        at = rng.randrange(len(hurt))
        return bytes(hurt[:at]) + rng.choice((b"\xff", b"\x00", b",", b'"', b"\n", b"{", b"9" * 400)) + bytes(hurt[at:])
    if what == "repeat":
        return bytes(hurt) * 2
    # Headers are short and matter most.
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(min(len(hurt), 200)) if rng.random() < 0.5 else rng.randrange(len(hurt))
        hurt[at] = rng.randrange(256)
    return bytes(hurt)


def _json(content: bytes, rng: random.Random) -> bytes:
    value = json.loads(content)
    places = list(_places(value))
    if rng.random() < 0.1 or not places:
        return json.dumps(rng.choice(ODD)).encode("utf-8", "surrogatepass")
    # One place of each list is as good as any other, and there are thousands of findings.
    holder, key = rng.choice(places)
    what = rng.choice(("remove", "rename", "odd", "odd", "odd", "number"))
    if what == "remove":
        del holder[key]
    elif what == "rename" and isinstance(holder, dict):
        holder[f"{key}_"] = holder.pop(key)
    elif what == "number":
        text = json.dumps(value).replace(json.dumps(holder[key]), rng.choice(("NaN", "-Infinity", "1e999", "1" * 5000)), 1)
        return text.encode()
    else:
        holder[key] = rng.choice(ODD)
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _places(value: Any, depth: int = 0) -> Any:
    items = value.items() if isinstance(value, dict) else list(enumerate(value))[:3] if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner, depth + 1)


def _parquet(content: bytes, rng: random.Random) -> bytes:
    table = pd.read_parquet(io.BytesIO(content))
    out = io.BytesIO()
    name, n = rng.choice(list(table.columns)), len(table)
    what = rng.choice(("drop", "rename", "null", "huge", "numbers", "bytes", "utf8", "nothing", "twice", "none left"))
    if what == "utf8":
        text = pa.Array.from_buffers(
            pa.string(), n, [None, pa.py_buffer(np.arange(n + 1, dtype=np.int32).tobytes()), pa.py_buffer(b"\xff" * n)]
        )
        arrow = pa.Table.from_pandas(table)
        arrow = arrow.set_column(arrow.column_names.index(name), name, text)
        pa.parquet.write_table(arrow, out)
        return out.getvalue()
    table = {
        "drop": lambda: table.drop(columns=name),
        "rename": lambda: table.rename(columns={name: "other"}),
        "null": lambda: table.assign(**{name: None}),
        "huge": lambda: table.assign(**{name: np.where(np.arange(n) % 2, 1.7e308, -1.7e308)}),
        "numbers": lambda: table.assign(**{name: np.arange(n)}),
        "bytes": lambda: table.assign(**{name: [b"\xff\x00"] * n}),
        "nothing": lambda: table.iloc[:0],
        "twice": lambda: pd.concat([table, table]),
        "none left": lambda: table[[]],
    }[what]()
    table.to_parquet(out)
    return out.getvalue()


def _npy(content: bytes, rng: random.Random) -> bytes:
    values = np.load(io.BytesIO(content))
    what = rng.choice(("dtype", "shape", "header", "nan", "huge", "object"))
    out = io.BytesIO()
    if what == "header":
        header = (
            f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rng.choice(('10**9', '99999999999', '-5', '1, 2'))},), }}"
        )
        raw = header.encode().ljust(117) + b"\n"
        return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + b"\x00" * 64
    if what == "object":
        np.save(out, np.array([{}], dtype=object), allow_pickle=True)
        return out.getvalue()
    made = {
        "dtype": lambda: values.astype(rng.choice(("int64", "complex64", "U3", "bool", "float64"))),
        "shape": lambda: values.reshape(-1) if values.ndim > 1 else values[None, None],
        "nan": lambda: np.where(np.arange(values.size).reshape(values.shape) == 0, np.nan, values).astype(values.dtype),
        "huge": lambda: np.full_like(values, np.finfo(values.dtype).max),
    }[what]()
    np.save(out, made)
    return out.getvalue()


def _npz(content: bytes, rng: random.Random) -> bytes:
    with np.load(io.BytesIO(content)) as stored:
        arrays = dict(stored)
    name = rng.choice(list(arrays))
    what, out = rng.choice(("drop", "text", "shape", "rename")), io.BytesIO()
    if what == "drop":
        del arrays[name]
    elif what == "rename":
        arrays["other"] = arrays.pop(name)
    else:
        arrays[name] = arrays[name].astype("U8") if what == "text" else arrays[name][None]
    np.savez(out, **arrays)
    return out.getvalue()


def _csv(content: bytes, rng: random.Random) -> bytes:
    lines = content.decode().split("\n")
    at = rng.randrange(len(lines))
    cells = lines[at].split(",")
    cells[rng.randrange(len(cells))] = rng.choice(("", "NaN", "1e400", "-1", "text", '"', "a,b", "\x00", "9" * 30, "0.5"))
    lines[at] = ",".join(cells) if rng.random() < 0.8 else ";".join(cells)
    return "\n".join(lines).encode()


def _toml(content: bytes, rng: random.Random) -> bytes:
    lines = content.decode().split("\n")
    at = rng.choice([number for number, line in enumerate(lines) if "=" in line])
    key, _, value = lines[at].partition("=")
    lines[at] = rng.choice(
        (
            f"{key}x ={value}",
            f"{key}= 1e400",
            f"{key}= []",
            f"{key}= 1979-05-27",
            f"{key}= {{ a = 1 }}",
            f"{key}= nan",
            f"{key}= {'[' * 3000}",
            f'{key}= "\\ud800"',
            f"{key}= {'9' * 5000}",
            f"{key}= [1, 'a']",
            key,
        )
    )
    return "\n".join(lines).encode()
