"""How does the benchmark's table look in a terminal, in Markdown and as a page?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from affect_workbench.analyses.benchmark.results import CHANCE, FAIL, OPEN, PASS, TOOLS, Row
from affect_workbench.workbench.interface.page import template

HEAD = ("", "measured", "95 % interval", "criterion", "verdict", "best other tool")
TITLES = {
    "gate": "Criteria",
    "scenario": "Scenarios: share of correct answers",
    "list": "Lists: what there is to read",
    "peer": "The tools themselves",
}
LEGEND = (
    (
        f"“{FAIL}”: significantly on the wrong side of the criterion (one-sided, 5 %, in a quick run 0.2 %); "
        f"“{CHANCE}”: on the wrong side, but within chance; “{OPEN}”: not enough data to assess"
    ),
    "flagged: q ≤ .05; “skewed” also requires that the difference lies beyond ±2 points, by its adjusted interval",
    (
        "DivExplorer, SliceLine, Fairlearn, four-fifths: their rules, re-implemented on the same counts, or on eight "
        "principal components cut at quartiles; the tools themselves are in the last table"
    ),
    (
        "random: 5 % of the pairs, or a random score; confusion cells: “labelled a, predicted as b”, the ten most "
        "frequent; ridge alone: the ten best tails of ridge directions of the residual; –: the tool has no answer to "
        "this question"
    ),
    (
        "three causes: a bias on an attribute that another one follows, one on a single attribute and one in an "
        "intersection, in worlds whose labels are tied to a fourth; DivExplorer: its list after redundancy pruning; "
        "SliceLine: its ten best slices, whatever the emotion; skewed cells: the audit's own list without repeats of "
        "parents and without causes"
    ),
    (
        "scenarios: a tool is correct when every planted pair is flagged and at most one flag in twenty is false; "
        "where no pair may be called skewed, when it flags nothing"
    ),
)


def headline(rows: Sequence[Row]) -> str:
    """The outcome in one sentence."""
    counts = Counter(row.verdict for row in rows if row.bar)
    judged = sum(counts.values())
    failed = counts[FAIL]
    parts = [f"{counts[PASS]} of {judged} criteria are met", f"{failed} {'is' if failed == 1 else 'are'} missed"]
    parts += [f"{counts[CHANCE]} within chance"] if counts[CHANCE] else []
    parts += [f"{counts[OPEN]} not assessed"] if counts[OPEN] else []
    return ", ".join(parts) + "."


def about_line(about: Mapping[str, Any]) -> str:
    """Date, size, seed, machine and peers in a line."""
    peers = ", ".join(f"{tool} {known}" for tool, known in about["peers"].items())
    size = "quick run" if about["quick"] else "full run"
    return f"{about['date']}, {size}, seed {about['seed']}, {about['machine']}; {peers}"


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table, for `HEAD`."""
    interval = "" if row.low is None or row.high is None else f"[{_number(row.low, row)}, {_number(row.high, row)}]"
    return row.name, _number(row.measured, row), interval, row.bar, row.verdict if row.bar else "", _best(row)


def tables(rows: Sequence[Row]) -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """Title -> heading and lines: the table of each kind, and after it what each tool says of the same data."""
    found: dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]] = {}
    for kind, title in TITLES.items():
        own = [row for row in rows if row.kind == kind]
        if own:
            found[title] = HEAD, [cells(row) for row in own]
        beside = [row for row in own if row.others]
        if beside:
            asked = [tool for tool in TOOLS if any(tool in row.others for row in beside)]
            lines = [
                (row.name, _number(row.measured, row), *(_number(row.others.get(tool), row) for tool in asked))
                for row in beside
            ]
            found[f"{title.split(':')[0]}, beside other tools"] = ("", "ours", *asked), lines
    return found


def terminal_lines(rows: Sequence[Row], about: Mapping[str, Any]) -> list[str]:
    """The tables as aligned text, notes under each line that has one."""
    lines = [about_line(about)]
    notes = {row.name: row for row in rows}
    for title, (head, body) in tables(rows).items():
        lines += ["", title]
        widths = [max(len(line[at]) for line in (head, *body)) for at in range(len(head))]
        for line in (head, *body):
            lines.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
            row = notes.get(line[0])
            if row is not None and head == HEAD:
                said = "; ".join(part for part in (row.judged, row.note) if part)
                lines += [f"    {said}"] if said else []
    return [*lines, "", headline(rows)]


def markdown_table(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """The tables in Markdown."""
    parts = ["# PlantedSkew", "", headline(rows), "", f"{about_line(about)}. `{about['command']}`"]
    notes = {row.name: row for row in rows}
    for title, (head, body) in tables(rows).items():
        own = head == HEAD
        parts += ["", f"## {title}", "", _line((*head, "how assessed, and more") if own else head)]
        parts += ["|" + "---|" * (len(head) + own)]
        for line in body:
            row = notes[line[0]]
            said = "; ".join(part for part in (row.judged, row.note) if part)
            parts.append(_line((*line, said) if own else line))
    parts += ["", *(f"- {text}" for text in LEGEND)]
    return "\n".join(parts) + "\n"


def bench_html(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """The tables as one self-contained page without scripts; the same rows always give the same bytes."""
    notes = {row.name: "; ".join(part for part in (row.judged, row.note) if part) for row in rows}
    verdicts = {row.name: row.verdict if row.bar else "" for row in rows}
    return template("bench.html").render(
        tables=tables(rows),
        headline=headline(rows),
        about=about_line(about),
        command=about["command"],
        notes=notes,
        verdicts=verdicts,
        legend=LEGEND,
        head=HEAD,
    )


def _number(value: float | None, row: Row) -> str:
    if value is None:
        return "–"
    if row.unit == "seconds":
        return f"{value:.2f} s"
    return f"{value:+.4f}" if row.unit == "rate" else f"{value:.3f}"


def _best(row: Row) -> str:
    """The tool that comes nearest to what is asked, with its number."""
    if not row.others or row.kind == "list":
        return ""
    best = (min if row.bar.startswith("≤") else max)(row.others, key=lambda tool: row.others[tool])
    if row.kind == "scenario" and not row.others[best]:
        return "none"
    return f"{best} {_number(row.others[best], row)}"


def _line(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"
