"""Which families of models are read, what is particular about each, and how was it checked?"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("table.toml")
TAPS = "connector.in, connector.out, layers.N, last"
CHECKED = "tiny model of the real classes: loaded by path, templated, batched = alone to 1e-5"


@dataclass(frozen=True)
class Family:
    """What is known of a family beside what a forward pass tells; an unknown one has the defaults.

    Attributes:
        called: what people call it.
        connector: the module whose output is a picture's tokens, as the tests find it.
        table: whether the connector is taken from here, because the finder cannot tell.
        prompt: how a question is put where the processor has no chat template.
        note: what is different about its taps.
        untested: why no test reads it; the finder is let try.
    """

    called: str = ""
    connector: str = ""
    table: bool = False
    prompt: str = "{image}{question}"
    note: str = ""
    untested: str = ""


@cache
def families() -> dict[str, Family]:
    """Every family that is known, by the `model_type` of its configuration."""
    return {name: Family(**entry) for name, entry in tomllib.loads(TABLE.read_text(encoding="utf-8")).items()}


def family_of(model_type: str) -> Family:
    """What is known of a family; the defaults of one that nobody tried, which the finder may well serve."""
    return families().get(model_type, Family())


def family_table() -> list[dict[str, str]]:
    """One row a family: its name, what it is called, its connector, taps, how it is served, how checked, and a note."""
    return [
        {
            "family": name,
            "called": family.called,
            "connector": family.connector,
            "taps": TAPS,
            "served": "untested" if family.untested else "table" if family.table else "found",
            "checked": f"not tested: {family.untested}" if family.untested else CHECKED,
            "note": family.note,
        }
        for name, family in families().items()
    ]
