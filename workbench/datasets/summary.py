"""What does a dataset hold, and what is wrong with it, on one screen?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.data.datasets.checks import KINDS
from affect_workbench.data.datasets.layouts.known import LAYOUTS
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import VOTE_PREFIX

_EXAMPLES = 3
_MOST = 10
_WIDTH = 110


def summary(manifest: Manifest, *, place: str = "", every: bool = False) -> str:
    """The text that `workbench data DIR` prints: layout, pictures, a table label x split, votes, attributes, problems.

    Args:
        manifest: what was read.
        place: where, if that is not the folder of the pictures.
        every: list every problem whole, not the first three of each kind in a line each.
    """
    title = next((layout.title for layout in LAYOUTS if layout.name == manifest.layout), manifest.layout)
    labels = manifest.taxonomy
    blocks = [
        _line("dataset", place or f"{manifest.root}"),
        _line("layout", title if title == manifest.layout else f"{title} ({manifest.layout})"),
        _line("pictures", f"{len(manifest):,}"),
        *([] if labels is None else [_line("labels", f"{len(labels)} ({labels.name})")]),
        _line("votes", _votes(manifest)),
        _line("attributes", _attributes(manifest)),
        *([_splits(manifest)] if labels is None else ["", _table(manifest)]),
    ]
    if manifest.notes:
        blocks += ["", "notes", *(f"  - {note}" for note in manifest.notes)]
    return "\n".join([*blocks, "", *_problems(manifest.problems, every=every)])


def _line(name: str, text: str) -> str:
    return f"{name:<11} {text}"


def _table(manifest: Manifest) -> str:
    return _indented(manifest.counts().map(lambda number: f"{number:,}").to_string())


def _splits(manifest: Manifest) -> str:
    """Pictures in each split, of a dataset without labels."""
    counts = manifest.counts().loc["all"].drop("all")
    return _line("splits", ", ".join(f"{split} {number:,}" for split, number in counts.items()) + "; no labels")


def _votes(manifest: Manifest) -> str:
    if not manifest.votes:
        return "no"
    with_any = int((manifest.rows[manifest.votes].sum(axis=1) > 0).sum())
    names = ", ".join(name.removeprefix(VOTE_PREFIX) for name in manifest.votes)
    return f"yes, for {plural(with_any, 'picture')}: {names}"


def _attributes(manifest: Manifest) -> str:
    """Each attribute with how many different values it has, and for how many pictures it is missing."""
    parts = []
    for name in manifest.attributes[:_MOST]:
        values = manifest.rows[name]
        missing = f", {int(values.isna().sum()):,} missing" if values.isna().any() else ""
        parts.append(f"{name} ({values.nunique():,} values{missing})")
    more = len(manifest.attributes) - len(parts)
    return (", ".join(parts) or "none") + (f" and {more} more" if more else "")


def _problems(problems: pd.DataFrame, *, every: bool) -> list[str]:
    """Every kind with its count and first examples (or all), the gravest first."""
    if problems.empty:
        return ["problems    none"]
    lines = [_line("problems", f"{len(problems):,}")]
    present = [kind for kind in KINDS if (problems["kind"] == kind).any()]
    for kind in [*present, *sorted(set(problems["kind"]) - set(present))]:
        of_kind = problems[problems["kind"] == kind]
        lines.append(f"  {kind}: {len(of_kind):,}")
        different = of_kind.drop_duplicates(["path", "detail"])  # each further row of a path is a problem, of one sentence
        shown = different if every else different.head(_EXAMPLES)
        lines += [_printable(f"    {row['path']}: {row['detail']}", whole=every) for _, row in shown.iterrows()]
        if len(different) > len(shown):
            lines.append(f"    ... and {len(different) - len(shown):,} more (--all-problems lists all)")
    return lines


def _printable(line: str, *, whole: bool) -> str:
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    return line if whole or len(line) <= _WIDTH else line[: _WIDTH - 3] + "..."


def _indented(text: str) -> str:
    return "\n".join("  " + line.rstrip() for line in text.splitlines())
