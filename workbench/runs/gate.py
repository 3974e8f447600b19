"""Which findings make a command fail, for use as a gate?

`skewed` catches every skew of an audit, `skewed:0.05` those whose absolute effect has a lower bound over 5 points;
`accuracy` and `accuracy:0.05` do the same for slices whose accuracy differs from that of the other pictures, `cause` and
`cause:0.05` for causes whose adjusted effect has a lower bound over 5 points (a muted one never fails), `worse` and
`worse:0.05` for the growth of skews in a comparison. A numeric outcome has units of its own: there the number is one of
standard deviations, `skewed:0.3` catches outcomes whose difference has a lower bound over 0.3 of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from affect_workbench.analyses.audit.result import AuditResult
    from affect_workbench.arrays import Floats, Mask

RATES, ACCURACY, CAUSE = "rates", "accuracy", "cause"
"""What a row is about: how often an emotion is predicted, how often the prediction is right, or from what skews follow."""


@dataclass(frozen=True)
class Gate:
    """What is not let through.

    Attributes:
        verdict: `skewed` or `worse`; `accuracy` for slices whose accuracy is skewed, `cause` for causes.
        beyond: the lower bound that a finding must exceed, as a share; 0 for as far as its verdict asks.
        asked: whether it decides the exit code; else it only marks what it would catch.
        beside: what else is not let through.
    """

    verdict: str
    beyond: float = 0.0
    asked: bool = True
    beside: tuple[Gate, ...] = ()

    def __str__(self) -> str:
        own = f"{self.verdict}:{self.beyond:g}" if self.beyond else self.verdict
        return ",".join((own, *map(str, self.beside)))

    @property
    def about(self) -> str:
        """What it looks at: `RATES`, `ACCURACY` or `CAUSE`."""
        return self.verdict if self.verdict in (ACCURACY, CAUSE) else RATES

    def caught(self, table: pd.DataFrame, *, about: str = RATES) -> Mask:
        """Which rows of an audit's or a comparison's table of this kind are not let through."""
        import numpy as np

        caught = np.zeros(len(table), dtype=bool)
        for other in self.beside:
            caught |= other.caught(table, about=about)
        if about != self.about:
            return caught
        if about == CAUSE:
            return caught | np.asarray((table["kind"] != "muted") & (lower_bounds(table) > self.beyond), dtype=bool)
        wanted = "skewed" if about == ACCURACY else self.verdict
        unit = table["spread"].to_numpy(float) if "spread" in table else 1.0
        return caught | np.asarray((table["verdict"] == wanted) & (lower_bounds(table) > self.beyond * unit), dtype=bool)

    def fails(self, result: AuditResult) -> bool:
        """Whether it was asked and catches something in an audit."""
        if not self.asked:
            return False
        tables = (
            (RATES, result.findings),
            (RATES, result.outcomes),
            (ACCURACY, result.table(ACCURACY)),
            (CAUSE, result.causes),
        )
        return any(table is not None and bool(self.caught(table, about=about).any()) for about, table in tables)


def gate_from(text: str, *, verdict: str, more: tuple[str, ...] = ()) -> Gate:
    """The gate that `--fail-on TEXT` describes; without a text one that marks and lets everything through.

    Args:
        text: `VERDICT` or `VERDICT:SHARE`, or several, separated by commas.
        verdict: the verdict that this command can fail on.
        more: what else it can fail on.

    Raises:
        ValueError: another verdict, or not a share.
    """
    if not text:
        return Gate(verdict, asked=False)
    if "," in text:
        first, *others = (gate_from(part.strip(), verdict=verdict, more=more) for part in text.split(",") if part.strip())
        return replace(first, beside=tuple(others))
    name, colon, number = text.partition(":")
    legal = (verdict, *more)
    expected = f"expected {' or '.join(f'{one} or {one}:SHARE' for one in legal)}, with a share from 0 to 1"
    expected += f" ({verdict}:0.05 is 5 points)"
    if name.strip() not in legal:
        raise ValueError(f"--fail-on {text}: {expected}")
    try:
        beyond = float(number) if colon else 0.0
    except ValueError:
        raise ValueError(f"--fail-on {text}: {number!r} is not a number; {expected}") from None
    if not 0 <= beyond < 1:
        raise ValueError(f"--fail-on {text}: {number} is out of range; {expected}")
    return Gate(name.strip(), beyond)


def audit_gate(fail_on: str) -> Gate:
    """The gate of an audit.

    Raises:
        ValueError: see `gate_from`.
    """
    return gate_from(fail_on, verdict="skewed", more=(ACCURACY, CAUSE))


def require_answerable(gate: Gate, *, truth: bool) -> None:
    """Refuses a gate on something that the audit cannot know: it would let everything through.

    Raises:
        ValueError: accuracy is asked for, and no picture has a label or votes.
    """
    if any(one.about == ACCURACY for one in (gate, *gate.beside)) and not truth:
        raise ValueError(f"--fail-on {gate}: no audited picture has a label or votes, so accuracy is not known; join some")


def lower_bounds(table: pd.DataFrame) -> Floats:
    """Lower bound of each finding `(n,)`: of its absolute skew, or in a comparison of the growth of it.

    It is the nearer end of the adjusted interval, 0 where that holds zero or where there is none.
    """
    names = ("growth_low", "growth_high") if "growth_low" in table else ("adjusted_low", "adjusted_high")
    from affect_workbench.analyses.inference.intervals import distance_from_zero

    return distance_from_zero(*(table[name] for name in names))
