"""What do report and app say of the audited system and of its data, in the owners' words and in the run's own?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.workbench.report.system.card import TITLES, SystemCard
from affect_workbench.workbench.report.system.data import attribute_lines, label_sentences, missing_sentences

PARTS = {"system": "The system", "use": "Its use", "people": "People", "data": "Data"}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "used_at": {"work": "at work", "education": "in education", "elsewhere": "elsewhere"}
}
_SAID_WITH_DATA = ("labels_mean", "missing_people")
_PROHIBITED = (
    "Inferring the emotions of people there from biometric data is prohibited in the European Union except for medical or "
    "safety reasons (Regulation 2024/1689, Art. 5(1)(f))."
)
_BIOMETRIC = {
    True: "It is stated that biometric data are processed.",
    False: "It is stated that no biometric data are processed, which is not examined here.",
    None: "Whether biometric data are processed was not stated.",
}
NOTHING_STATED = (
    "What the audited system is for, who uses it, whose emotions it predicts and where its data come from was "
    "not stated; an audit accepts a file with this information, docs/system.toml is a template."
)


@dataclass(frozen=True)
class SystemSection:
    """All that is said of system and data; what was not stated is empty, but for the sentence that says so.

    Attributes:
        title: name, version and purpose in one line, to stand under the headline.
        stated: part -> (what, in the owners' words) pairs.
        not_stated: which of it was not stated, in one sentence.
        people_informed: whether it was stated how the people who are read are told.
        labels: what the labels are and mean, a sentence each.
        missing: of whom there are few or no pictures, a sentence each.
        attributes: a line an attribute.
    """

    title: str
    stated: dict[str, tuple[tuple[str, str], ...]]
    not_stated: str
    people_informed: bool
    labels: tuple[str, ...]
    missing: tuple[str, ...]
    attributes: tuple[str, ...]


def system_section(result: AuditResult) -> SystemSection:
    """What was stated with the run (`run["system"]`), beside what the run itself knows of its data."""
    card = stated_card(result)
    stated = {title: pairs for about, title in PARTS.items() if (pairs := tuple(_pairs(card, about)))}
    return SystemSection(
        _title(card),
        stated,
        _not_stated(card),
        card.told is not None,
        tuple(label_sentences(result, card.labels_mean)),
        tuple(missing_sentences(result, card.missing_people)),
        tuple(attribute_lines(result)),
    )


def read_first(result: AuditResult) -> list[str]:
    """What a reader must know before any number: a use that may be prohibited, then the notes of the run."""
    return [*filter(None, [use_warning(stated_card(result))]), *result.run.notes]


def stated_card(result: AuditResult) -> SystemCard:
    """What was stated of the system; an empty card where nothing was."""
    return SystemCard.from_json(result.run.provenance.get("system", {}))


def use_warning(card: SystemCard) -> str:
    """What must be known first of a system that is used at work or in education; "" for all others. No legal advice."""
    where = [_WORDS["used_at"][place] for place in ("work", "education") if place in (card.used_at or ())]
    if not where:
        return ""
    reason = (
        f"A {card.reason} reason is stated, which is not examined here."
        if card.reason
        else "No medical or safety reason is stated."
    )
    use = f"The stated use is {' and '.join(where)}."
    return f"{use} {_PROHIBITED} {_BIOMETRIC[card.biometric]} {reason} This is not legal advice."


def _title(card: SystemCard) -> str:
    name = " ".join(part for part in (card.name, card.version) if part)
    name += f" ({card.provider})" if name and card.provider else ""
    purpose = f"Stated purpose: {card.purpose}" if card.purpose else ""
    return ". ".join(part for part in (f"Audited: {name}" if name else "", purpose) if part)


def _pairs(card: SystemCard, about: str) -> list[tuple[str, str]]:
    return [(TITLES[key], _worded(key, value)) for key, value in card.stated(about).items() if key not in _SAID_WITH_DATA]


def _worded(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = _WORDS.get(key, {})
    return "; ".join(words.get(part, part) for part in (value if isinstance(value, tuple) else (value,)))


def _not_stated(card: SystemCard) -> str:
    if card == SystemCard():
        return NOTHING_STATED
    asked = [title for title in card.not_stated if title != TITLES["reason"]]
    return f"Not stated: {', '.join(asked)}." if asked else ""
