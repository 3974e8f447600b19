"""Which label does a free text name, or does it refuse, hedge, or say nothing that can be used?

Never guessed: a text that names two labels without deciding is a hedge, one that names none is not mapped to the nearest.
A label is named by its own word, an alias of its taxonomy, or a word that means the same (`angry` for anger); not by its
synonyms, which a taxonomy keeps for other purposes.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from affect_workbench.data.taxonomies.label_identity import plain
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.data.taxonomies.words import COMMON_ALIASES

PARSER_VERSION = 1
"""Goes up whenever some text is parsed differently than before."""
Kind = Literal["label", "refusal", "hedge", "unparseable"]
KINDS: tuple[Kind, ...] = ("label", "refusal", "hedge", "unparseable")


@dataclass(frozen=True)
class ParsedAnswer:
    """What a text comes to.

    Attributes:
        kind: `label`; `refusal` (the model will or can not say), `hedge` (several labels, or one in doubt), `unparseable`.
        label: the label that is named; None unless `kind` is `label`.
        start: where in the text the word that decided begins; -1 without one.
    """

    kind: Kind
    label: str | None = None
    start: int = -1


_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.IGNORECASE | re.DOTALL)
"""What a reasoning model writes before its answer; all of the text where it never came to one."""
_CLAUSE = re.compile(r"[.!?;:\n]+|,?\s*\b(?:but|however|although|though|nevertheless|yet)\b,?", re.IGNORECASE)
_IDIOM = re.compile(
    r"i(?:['’]m| am) afraid|(?:would|['’]d) (?:love|be happy|be glad) to|(?:happy|glad) to (?:help|assist)"
    r"|(?:as|be|remain|stay) (?:a )?neutral|(?:the|this|such|explicit|sexual|visual|its|harmful) content\b"
    r"|content (?:of|polic\w+)\b",
    re.IGNORECASE,
)
"""Phrases in which a label's word is none."""
_REFUSAL = re.compile(
    r"\b(?:i|we)(?:['’]m| am|['’]re| are)? (?:unable|not able|not comfortable|not allowed|not permitted)\b"
    r"|\b(?:i|we) (?:\w+ )?(?:can['’]?t|cannot|can not|could ?n['’]?t|wo ?n['’]?t|will not|(?:must )?decline|refuse)\b"
    r"|\b(?:i|we) (?:do not|don['’]?t) (?:feel comfortable|have (?:the ability|access)|see an?y? (?:picture|image)"
    r"|identify|infer|provide)\b"
    r"|\b(?:not possible|impossible|not appropriate|inappropriate|unable) (?:for me )?to\b"
    r"|\bno (?:picture|image) (?:was|is|has been) (?:provided|attached|given)",
    re.IGNORECASE,
)
"""Makes a clause a refusal, and what it names an example."""
_APOLOGY = re.compile(
    r"\b(?:i['’]m|i am) (?:\w+ )?sorry\b|\bas an? (?:ai|language model)\b|^\W*(?:sorry|unfortunately)\b", re.IGNORECASE
)
"""Makes a text a refusal that names no label."""
_OBSERVING = re.compile(
    r"\s*(?:\w+ )?(?:see(?! (?:an?y?|the|this|your) (?:picture|image|photo))|ignore|miss|overlook|escape|imagine|help but"
    r"|look away)\b",
    re.IGNORECASE,
)
"""What follows a phrase of refusal where it describes the picture: `we cannot see the sky`, `impossible to ignore`."""
_DOUBT = re.compile(
    r"\b(?:maybe|perhaps|possibly|might|may|could|either|mixed|unclear|ambiguous|uncertain|unsure|not sure|not certain"
    r"|(?:hard|difficult) to (?:say|tell|determine)|depends|open to interpretation|mixture|combination|blend)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:(?:not|no|never|without|neither|nor|nothing|none of|hardly|lacks?|lacking|absence of|free of|rather than"
    r"|instead of|other than|unlike|such as|less)\b|\w+n['’]t\b)(?! (?:a |any )?doubt)"
    r"(?:\s+(?!and\b)[\w*_\"“'’-]+){0,5}[\s*_\"“]*$",
    re.IGNORECASE,
)
"""What stands before a label's word, within its clause, where the word is not what the picture is taken to show."""
_CONTRAST = re.compile(r"\b(?:rather|instead|just|only|merely)\b\s*$", re.IGNORECASE)
_DECISION = re.compile(
    r"(?:\b(?:final )?answer(?: is)?\b\s*[:=]?|\bi(?:['’]d| would|['’]ll| will)? (?:choose|pick|select|go with|say)\b"
    r"|\bmy choice(?: is)?\b:?)[\s*_\"'“”‘’:-]*"
    r"(?:(?:it(?:['’]s| is)|this is|the (?:emotion|word)(?: is)?) )?[\s*_\"'“”‘’]*$",
    re.IGNORECASE,
)
"""What stands before a label's word where that is the answer, whatever else is named."""
_LISTED = re.compile(r"[\W_]*(?:or|and)?[\W_]*", re.IGNORECASE)


def parse(text: str, taxonomy: Taxonomy) -> ParsedAnswer:
    """What a text of a model says of one picture.

    Args:
        text: as the model gave it.
        taxonomy: the labels that were asked for.
    """
    text = without_thoughts(text)
    mentions = list(_mentions(text, taxonomy))
    if len(mentions) == 1 and plain(text) == plain(text[mentions[0].start : mentions[0].end]):
        return mentions[0].answer()
    decided = [mention for mention in mentions if _is_decision(text, mention, mentions)]
    if len({mention.label for mention in decided}) == 1:
        return decided[-1].answer()
    affirmed, refused, in_doubt = [], False, False
    for start, end in clauses(text):
        clause = text[start:end]
        inside = [mention for mention in mentions if start <= mention.start < end]
        refused = refused or _APOLOGY.search(clause) is not None
        if _REFUSAL.search(clause):
            refused = True
            continue
        in_doubt = in_doubt or _DOUBT.search(_without(clause, inside, start)) is not None
        affirmed += [mention for mention in inside if not is_negated(text[start : mention.start])]
    labels = {mention.label for mention in affirmed}
    if len(labels) == 1 and not in_doubt:
        return affirmed[0].answer()
    if labels or (in_doubt and not refused):
        return ParsedAnswer("hedge")
    return ParsedAnswer("refusal" if refused else "unparseable")


def without_thoughts(text: str) -> str:
    """The text composed (NFC), with what a reasoning model wrote before its answer blanked out."""
    return _THOUGHT.sub(lambda found: " " * len(found.group()), unicodedata.normalize("NFC", text))


def idioms_in(text: str) -> list[tuple[int, int]]:
    """Where phrases begin and end in which a word of an emotion speaks of none (`I would love to`)."""
    return [found.span() for found in _IDIOM.finditer(text)]


def refusing_clauses(text: str) -> list[tuple[int, int]]:
    """Where the clauses begin and end in which a free text declines to answer, or apologises for that.

    Stricter than `parse`, for which a text without a label says nothing in any case: here it may well describe a picture.
    """
    if not (_REFUSAL.search(text) or _APOLOGY.search(text)):
        return []
    found = []
    for start, end in clauses(text):
        refusal = _REFUSAL.search(text, start, end)
        apology = _APOLOGY.search(text[start:end])
        sorry = apology is not None and not apology.group().strip(" \"'“”*").casefold().startswith("unfortunately")
        if sorry or (refusal is not None and not _OBSERVING.match(text, refusal.end())):
            found.append((start, end))
    return found


def expresses_doubt(text: str) -> bool:
    """Whether a text hedges anywhere: perhaps, might, hard to tell."""
    return _DOUBT.search(text) is not None


@dataclass(frozen=True)
class _Mention:
    label: str
    start: int
    end: int

    def answer(self) -> ParsedAnswer:
        return ParsedAnswer("label", self.label, self.start)


def _mentions(text: str, taxonomy: Taxonomy) -> Iterator[_Mention]:
    pattern, labels = _vocabulary(tuple(taxonomy.labels), tuple(taxonomy.aliases.items()))
    idioms = idioms_in(text)
    for found in pattern.finditer(text):
        if not any(start < found.end() and found.start() < end for start, end in idioms):
            yield _Mention(labels[_form(found.group())], *found.span())


@functools.lru_cache(maxsize=16)
def _vocabulary(labels: tuple[str, ...], aliases: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """A pattern for every spelling of a label, and plain form -> label."""
    forms = {_form(label): label for label in labels}
    for word, label in aliases:
        forms.setdefault(_form(word), label)
    taxonomy = Taxonomy("vocabulary", labels, aliases=dict(aliases))
    for word in (word for label, words in COMMON_ALIASES.items() for word in (label, *words)):
        if taxonomy.knows(word):
            forms.setdefault(_form(word), taxonomy.resolve(word))
    words = sorted(forms, key=len, reverse=True)
    either = "|".join(r"[\s_-]+".join(map(re.escape, word.split())) for word in words)
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)", re.IGNORECASE), forms


def _form(word: str) -> str:
    return " ".join(re.split(r"[\s_-]+", plain(word)))


def _is_decision(text: str, mention: _Mention, mentions: list[_Mention]) -> bool:
    """Whether the text gives this word as its answer: after `Answer:`, or alone on the last of several lines."""
    if _DECISION.search(text[: mention.start]):
        following = next((other for other in mentions if other.start > mention.start), None)
        between = "" if following is None else text[mention.end : following.start].split("\n")[0]
        return following is None or "\n" in text[mention.end : following.start] or not _LISTED.fullmatch(between)
    last = text.rstrip().rpartition("\n")
    return bool(last[1]) and mention.start > len(last[0]) and plain(last[2]) == plain(text[mention.start : mention.end])


def clauses(text: str) -> Iterator[tuple[int, int]]:
    """Where each clause of a text begins and ends: what is refused, doubted or negated in one is not in the next."""
    start = 0
    for found in _CLAUSE.finditer(text):
        yield start, found.start()
        start = found.end()
    yield start, len(text)


def is_negated(before: str) -> bool:
    """Whether what stands before a word in its clause (`no sign of`) says that the picture does not show it."""
    found = _NEGATION.search(before)
    return found is not None and not _CONTRAST.search(before[found.start() :])


def _without(clause: str, mentions: list[_Mention], offset: int) -> str:
    """The clause with its labels' words taken out, which may be words of doubt in other taxonomies (`confusion`)."""
    for mention in mentions:
        at, end = mention.start - offset, mention.end - offset
        clause = clause[:at] + " " * (end - at) + clause[end:]
    return clause
