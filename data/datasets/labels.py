"""What is a picture's label, given how a dataset spells it or how people voted?"""

from __future__ import annotations

import pandas as pd

from affect_workbench.data.datasets.checks import UNKNOWN_LABEL, Problem
from affect_workbench.data.plurals import plural
from affect_workbench.data.tables.columns import VOTE_PREFIX
from affect_workbench.data.taxonomies.class_orders import ClassOrder, are_numbers, class_number, orders_for
from affect_workbench.data.taxonomies.taxonomy import Taxonomy, closest


def labels_from_votes(rows: pd.DataFrame, taxonomy: Taxonomy) -> tuple[pd.Series, list[str]]:
    """The most voted label of every row; a tie goes to the label that is first in the taxonomy; no votes, no label.

    Args:
        rows: with `vote_<label>` columns in the taxonomy's spelling; absent ones count as no votes.
        taxonomy: the labels that compete.

    Returns:
        Labels `(n,)`, and sentences that count ties and pictures without votes.
    """
    votes = rows.reindex(columns=[VOTE_PREFIX + label for label in taxonomy.labels]).astype(float).fillna(0.0)
    most = votes.max(axis=1)
    without = (most <= 0).to_numpy()
    ties = int(((votes.eq(most, axis=0).sum(axis=1) > 1) & ~without).sum())
    names = pd.Series(list(taxonomy.labels), dtype=object)
    label = pd.Series(names.to_numpy()[votes.to_numpy().argmax(axis=1)], index=rows.index, dtype=object)
    label[without] = None
    notes = ["labels are the most voted emotion"]
    if ties:
        notes.append(
            f"{plural(ties, 'picture has', 'pictures have')} "
            f"a tie for the most voted emotion: the first in {taxonomy.name} is taken"
        )
    if without.any():
        notes.append(
            f"{plural(int(without.sum()), 'picture has', 'pictures have')} no "
            f"votes for an emotion of {taxonomy.name}: no label"
        )
    return label, notes


def with_known_labels(listing: pd.DataFrame, taxonomy: Taxonomy) -> tuple[pd.DataFrame, list[Problem]]:
    """The listing with labels in the taxonomy's spelling, an unknown one missing, and a problem for each of those."""
    spelt = listing["label"].astype(object)
    known = {word: taxonomy.resolve(str(word)) for word in spelt.dropna().unique() if taxonomy.knows(str(word))}
    unknown = spelt.notna() & ~spelt.isin(list(known))
    problems = [
        Problem(UNKNOWN_LABEL, str(path), f"{str(word)!r} is not in {taxonomy.name}: {closest(str(word), taxonomy.labels)}")
        for path, word in zip(listing["path"][unknown], spelt[unknown], strict=True)
    ]
    return listing.assign(label=pd.Series([known.get(word) for word in spelt], index=listing.index, dtype=object)), problems


def with_class_names(
    rows: pd.DataFrame, given: ClassOrder | None, usual: ClassOrder | None
) -> tuple[pd.DataFrame, list[Problem], list[str]]:
    """The rows with words where `label` holds numbers, a problem for each number that is no class, and what was decided.

    Args:
        rows: with `path`, maybe with `label`.
        given: what the user says that the numbers stand for.
        usual: what their format says.

    Raises:
        ValueError: `given` for labels that are words, or that are not there.
    """
    known = rows["label"].dropna() if "label" in rows else pd.Series([], dtype=object)
    if not are_numbers(known.unique()):
        if given is not None:
            held = f"are words, first {str(known.iloc[0])!r}" if len(known) else "are not there"
            raise ValueError(f"the labels {held}: --classes says what numbers stand for, leave it out")
        return rows, [], []
    order = given or usual
    numbers = {value: class_number(value) for value in known.unique()}
    if order is None:
        fitting = ", ".join(orders_for(number for number in numbers.values() if number is not None)) or "none that is known"
        held = ", ".join(map(str, sorted(number for number in numbers.values() if number is not None)))
        return rows, [], [f"labels are numbers ({held}): --classes says what they stand for; orders with these: {fitting}"]
    names = {value: order.label_of(number) for value, number in numbers.items() if number is not None}
    without = {value for value, number in numbers.items() if number is not None and order.is_unlabelled(number)}
    strange = known[~known.isin([value for value, name in names.items() if name is not None or value in without])]
    problems = [
        Problem(UNKNOWN_LABEL, str(path), f"{value} is no class of {order.title} ({order.in_words()})")
        for path, value in zip(rows.loc[strange.index, "path"], strange, strict=True)
    ]
    where = order.title if given is None else f"--classes says ({order.name or order.title})"
    notes = [f"labels are numbers, named as {where}: {order.in_words()}"]
    if unlabelled := int(known.isin(without).sum()):
        meanings = sorted({order.unlabelled.get(numbers[value] or 0, "unknown") for value in without})
        notes.append(f"{plural(unlabelled, 'picture has', 'pictures have')} a number for no label ({', '.join(meanings)})")
    named = pd.Series([names.get(value) for value in rows["label"]], index=rows.index, dtype=object)
    return rows.assign(label=named), problems, notes
