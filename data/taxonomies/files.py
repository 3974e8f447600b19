"""How does a label set of one's own, with its maps to others, become a `Taxonomy`?

A TOML file: `labels` in order, and where wanted `name` (else the file's) and the tables `polarity`, `aliases`, `synonyms`,
`maps`. An empty text in a map says that a label has no counterpart there:

    labels = ["rage", "bliss", "awe"]
    polarity = { rage = -1, bliss = 1 }
    synonyms = { rage = ["fury"] }
    maps.ekman6 = { rage = "anger", bliss = "joy", awe = "" }
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_workbench.data.storage.saved import read_toml
from affect_workbench.data.taxonomies.taxonomy import TAXONOMIES, Taxonomy, closest

KEYS = ("name", "labels", "polarity", "aliases", "synonyms", "maps")
SUFFIX = ".toml"


def taxonomy_called(name: str) -> Taxonomy:
    """A built-in taxonomy by its name, or one's own by its file (`.toml`).

    Raises:
        FileNotFoundError: no such file.
        ValueError: no such built-in one; or see `read_taxonomy`.
    """
    return read_taxonomy(Path(name)) if name.casefold().endswith(SUFFIX) else Taxonomy.named(name)


def read_taxonomy(path: Path) -> Taxonomy:
    """The taxonomy in a file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not TOML, an unknown key, a value of the wrong kind, a map to a label that is not there, the name of a
            built-in taxonomy, or labels that `Taxonomy` refuses. The message names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no taxonomy at {path}: the file does not exist")
    given = read_toml(path)
    for key in given:
        if key not in KEYS:
            raise ValueError(f"{path}: unknown key {key!r}: {closest(key, KEYS)}")
    name, labels = given.get("name", path.stem), given.get("labels")
    if not isinstance(name, str) or not name or name in TAXONOMIES:
        raise ValueError(f"{path}: name {name!r} is not a name of its own: choose one that no built-in taxonomy has")
    if labels is None or not _texts(labels):
        raise ValueError(f'{path}: labels are {labels!r}: expected a list of text, e.g. labels = ["rage", "bliss"]')
    polarity, aliases = _table(given, "polarity", path), _table(given, "aliases", path)
    synonyms, maps = _table(given, "synonyms", path), _table(given, "maps", path)
    for label, sign in polarity.items():
        if label not in labels or sign not in (-1, 0, 1) or isinstance(sign, bool | float):
            raise ValueError(f"{path}: polarity of {label!r} is {sign!r}: expected -1, 0 or 1 for a label of this file")
    for word, label in aliases.items():
        if not isinstance(label, str):
            raise ValueError(f"{path}: {word!r} stands for {label!r}: expected a label of this file")
    for label, words in synonyms.items():
        if not _texts(words):
            raise ValueError(f"{path}: synonyms of {label!r} are {words!r}: expected a list of text")
    try:
        return Taxonomy(
            name,
            tuple(labels),
            polarity,
            aliases,
            {label: tuple(words) for label, words in synonyms.items()},
            {other: _map(path, labels, other, rules) for other, rules in maps.items()},
        )
    except ValueError as error:
        raise error if str(error).startswith(str(path)) else ValueError(f"{path}: {error}") from error


def _map(path: Path, labels: list[str], other: str, rules: Any) -> dict[str, str | None]:
    if not isinstance(rules, Mapping):
        raise ValueError(f"{path}: maps.{other} is {rules!r}: expected a table, label = label there")
    legal = TAXONOMIES[other].labels if other in TAXONOMIES else None
    for label, there in rules.items():
        if label not in labels:
            raise ValueError(
                f"{path}: maps.{other} names {label!r}, which is no label of this file: {closest(label, labels)}"
            )
        if not isinstance(there, str) or (there and legal is not None and there not in legal):
            hint = closest(str(there), legal) if legal is not None else "expected text"
            raise ValueError(f"{path}: maps.{other} sends {label!r} to {there!r}, which is no label of {other}: {hint}")
    return {label: there or None for label, there in rules.items()}


def _table(given: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    table = given.get(key, {})
    if not isinstance(table, Mapping):
        raise ValueError(f"{path}: {key} is {table!r}: expected a table, e.g. [{key}] and a line a label under it")
    return table


def _texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
