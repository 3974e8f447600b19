"""How does a model explain the emotion that a probe finds? The probe classifies, the model says why, picture by picture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from affect_workbench.data.images.decode import inspect_picture, open_picture
from affect_workbench.data.instruct.conditioning import (
    GIVEN,
    MODES,
    NONE,
    PREDICTED,
    WRONG,
    Mode,
    Ranked,
    conditioned,
    drawn_label,
    least_likely,
)
from affect_workbench.data.plurals import plural
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.interface.numbers import percent
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.mmllm.events import STARTED, TEXT, UNREADABLE, Events, Talk, events_into
from affect_workbench.workbench.models.mmllm.settings import ChatSettings

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel
    from affect_workbench.probes.encoders.vision import VisionEncoder
    from affect_workbench.probes.projector import Probe

_TOP = 3


def write_out(text: str) -> None:
    """Writes a piece of an answer to standard output at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def say_out(line: str) -> None:
    """Prints a line at once, for whoever waits for the model behind a pipe."""
    write_out(f"{line}\n")


def chat(
    settings: ChatSettings,
    *,
    say: Say = say_out,
    write: Callable[[str], None] = write_out,
    model: MultimodalModel | None = None,
) -> list[Talk]:
    """Asks a model about each picture; see `ChatSettings`.

    Args:
        settings: what is asked of whom.
        say: where lines for the reader go.
        write: where the pieces of an answer go.
        model: the model where it is loaded already; loaded as the settings say when not given.

    Returns:
        What was asked and answered, a picture each; those that cannot be read are named and left out.

    Raises:
        ValueError: settings that do not go together, a probe whose encoder or labels do not fit, a model that cannot be
            loaded, or no picture that can be read.
        FileExistsError: the file for `json` exists.
    """
    mode = mode_of(settings)
    classifier = _Classifier.opened(settings) if settings.probe else None
    taxonomy = classifier.probe.taxonomy if classifier else Taxonomy.named(settings.taxonomy) if settings.taxonomy else None
    right = taxonomy.resolve(settings.label) if taxonomy and settings.label else settings.label
    with events_into(settings.json, overwrite=settings.overwrite) as events:
        events.tell(STARTED, model=settings.model, probe=settings.probe, mode=mode)
        pictures = _readable(settings.images, events, say)
        ranked = classifier.ranked(pictures, say) if classifier else [()] * len(pictures)
        labels = taxonomy.labels if taxonomy else ()
        talks = [
            _talk(
                settings,
                mode,
                picture,
                emotions,
                _label(mode, emotions, right=right, labels=labels, key=picture.name, seed=settings.seed),
            )
            for picture, emotions in zip(pictures, ranked, strict=True)
        ]
        model = model or settings.loading.load(settings.model, say)
        _require_known(model, {talk.label for talk in talks if talk.label})
        _note_unknown(model, talks, say)
        return [_answered(settings, model, talk, (events, say, write)) for talk in talks]


def mode_of(settings: ChatSettings) -> Mode:
    """The mode that is meant, where the settings go together.

    Raises:
        ValueError: they do not, and what to do.
    """
    mode = settings.mode or (GIVEN if settings.label else PREDICTED if settings.probe else NONE)
    if mode not in MODES:
        raise ValueError(f"--mode {mode!r}: expected {', '.join(MODES)}")
    if mode == GIVEN and not settings.label:
        raise ValueError("--mode given needs the label that is given: --label")
    if mode == PREDICTED and not settings.probe:
        raise ValueError("--mode predicted needs a probe that predicts: --probe")
    if mode == WRONG and not settings.probe and not (settings.label and settings.taxonomy):
        raise ValueError("--mode wrong needs --probe, or the right --label and a --taxonomy to draw another from")
    if settings.label and mode in (PREDICTED, NONE):
        raise ValueError(f"--label is not read in mode {mode}: leave it out, or ask with --mode given or wrong")
    if settings.taxonomy and (mode != WRONG or settings.probe):
        raise ValueError("--taxonomy is for --mode wrong without --probe, which has labels of its own")
    if settings.max_tokens < 1 or settings.temperature < 0:
        raise ValueError(
            f"--max-tokens {settings.max_tokens}, --temperature {settings.temperature:g}: expected at least 1 and at least 0"
        )
    return cast("Mode", mode)


@dataclass(frozen=True)
class _Classifier:
    probe: Probe
    encoder: VisionEncoder

    @classmethod
    def opened(cls, settings: ChatSettings) -> _Classifier:
        from affect_workbench.probes.checkpoint import load_probe
        from affect_workbench.workbench.models.mmllm.projecting import encoder_of

        probe = load_probe(settings.probe)
        return cls(probe, encoder_of(probe, encoder=settings.encoder, device=settings.loading.device))

    def ranked(self, pictures: Sequence[Path], say: Say) -> Sequence[Ranked]:
        from affect_workbench.workbench.models.mmllm.projecting import found_emotions

        found = found_emotions(self.probe, pictures, self.encoder)
        if found.seen:
            shown = plural(found.seen, "of these pictures", "of these pictures")
            say(f"note: the probe was trained on {shown}: there it is surer than it would be of a new one")
        return found.ranked


def _readable(images: Sequence[str], events: Events, say: Say) -> list[Path]:
    """The pictures that can be read, each once; the others are named."""
    reasons = {path: inspect_picture(path).reason for path in map(Path, dict.fromkeys(images))}
    for path, reason in reasons.items():
        if reason:
            say(f"{path} is left out: {reason}")
            events.tell(UNREADABLE, picture=str(path), reason=reason)
    readable = [path for path, reason in reasons.items() if not reason]
    if not readable:
        first, reason = next(iter(reasons.items()))
        raise ValueError(f"none of {plural(len(reasons), 'picture')} can be read, first {str(first)!r}: {reason}")
    return readable


def _label(mode: Mode, emotions: Ranked, *, right: str, labels: Sequence[str], key: str, seed: int) -> tuple[str, str]:
    """The label that enters the question, and where it comes from, in words."""
    if mode == NONE:
        return "", "no label in the question"
    if mode == GIVEN:
        return right, f"given: {right}"
    if mode == PREDICTED:
        label, confidence = emotions[0]
        return label, f"predicted by the probe: {label}, {percent(confidence)}"
    right, whose = (right, "right") if right else (emotions[0][0], "predicted")
    if emotions:
        label = least_likely(emotions, right=right)
        return label, f"wrong: {label}, which the probe holds for the least likely; {whose}: {right}"
    label = drawn_label(labels, right=right, seed=seed, key=key)
    return label, f"wrong: {label}, drawn with seed {seed}; {whose}: {right}"


def _talk(settings: ChatSettings, mode: Mode, picture: Path, emotions: Ranked, chosen: tuple[str, str]) -> Talk:
    label, why = chosen
    question = conditioned(settings.question, mode, label, ranked=emotions if settings.certainty else ())
    return Talk(str(picture), tuple(emotions), label, why, question)


def _require_known(model: MultimodalModel, labels: set[str]) -> None:
    """Refuses labels that the model reads as unknown words: it would explain anything but them."""
    strange = sorted(label for label in labels if _unknown_words(model, label))
    if strange:
        raise ValueError(
            f"{model.source.name} does not know the label {strange[0]!r}, its tokenizer makes an unknown word of it: take a "
            "probe with the labels that the model was trained on"
        )


def _note_unknown(model: MultimodalModel, talks: Sequence[Talk], say: Say) -> None:
    strange = dict.fromkeys(word for talk in talks for word in _unknown_words(model, talk.question))
    if strange:
        shown = ", ".join(list(strange)[:6])
        say(f"note: the model reads {plural(len(strange), 'word')} of the questions as unknown: {shown} (see --show-prompt)")


def _unknown_words(model: MultimodalModel, text: str) -> list[str]:
    unknown = model.tokenizer.unk_token_id
    if unknown is None:
        return []
    return [word for word in text.split() if unknown in model.tokenizer(word, add_special_tokens=False)["input_ids"]]


def _answered(
    settings: ChatSettings, model: MultimodalModel, talk: Talk, told: tuple[Events, Say, Callable[[str], None]]
) -> Talk:
    """The talk with its answer, told while it is written."""
    from affect_workbench.probes.attach.generation import generate
    from affect_workbench.probes.attach.inputs import prompt_text

    events, say, write = told
    picture = open_picture(Path(talk.picture))
    talk = replace(talk, prompt=prompt_text(model, picture, talk.question))
    events.asked(talk)
    say("")
    say(talk.picture)
    if talk.emotions:
        say("  probe: " + ", ".join(f"{label} {percent(share)}" for label, share in talk.emotions[:_TOP]))
    say(f"  {talk.why}")
    if settings.show_prompt:
        say("  prompt:")
        for line in talk.prompt.splitlines():
            say(f"    {line}")

    def heard(piece: str) -> None:
        write(piece)
        events.tell(TEXT, picture=talk.picture, text=piece)

    (text,) = generate(
        model,
        [picture],
        [talk.question],
        max_new_tokens=settings.max_tokens,
        temperature=settings.temperature,
        seed=settings.seed,
        heard=heard,
    )
    write("\n" if text else "(an empty answer)\n")
    talk = replace(talk, text=text)
    events.answered(talk)
    return talk
