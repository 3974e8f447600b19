"""What does `workbench attach` know before a model is loaded: which families there are?"""

from __future__ import annotations

from affect_workbench.probes.attach.families import CHECKED, TAPS, family_table


def families_in_words() -> str:
    """One line a family: its name, what it is called, how it is served, its connector, and what is different about it."""
    rows = family_table()
    found, known = (sum(row["served"] == how for row in rows) for how in ("found", "table"))
    lines = [
        f"{found + known} kinds of models are checked ({CHECKED}): of {found} the connector is found by one forward pass, "
        f"of {known} it is from the table. Any other is tried like these. Places: {TAPS}.",
        "",
        *(_line(row) for row in rows),
    ]
    return "\n".join(lines)


def _line(row: dict[str, str]) -> str:
    about = "; ".join(
        part for part in (row["note"], row["checked"] if row["served"] not in ("found", "table") else "") if part
    )
    line = f"{row['family']:22} {row['called']:24} {row['served']:6} {row['connector']}"
    return f"{line}  ({about})" if about else line
