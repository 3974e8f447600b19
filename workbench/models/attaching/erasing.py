"""Does a model use what stands written inside it? An attribute is erased there, and the model answers again.

The eraser is fitted on one half of the pictures, the model answers to the other: as it is, without the attribute, and
without each of many random directions of equal rank. Every round of answers is kept as a file, so that a long check goes on
where it was stopped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special
from tqdm import tqdm

from affect_workbench.analyses.fidelity.causal import Erasure, causal_table
from affect_workbench.analyses.fidelity.pictures import AnsweredPictures
from affect_workbench.analyses.fidelity.token_erasers import token_erasers
from affect_workbench.analyses.inference.resampling import Sampling
from affect_workbench.analyses.slices.coding import CodedAttribute
from affect_workbench.analyses.space.erasure.folds import grouped_folds
from affect_workbench.analyses.space.erasure.leace import Eraser
from affect_workbench.arrays import Codes, Floats, Vectors
from affect_workbench.data.answers.prompts import Prompt, prompts_fingerprint
from affect_workbench.data.images.decode import open_picture
from affect_workbench.data.plurals import plural
from affect_workbench.data.predictions import Predictions
from affect_workbench.data.storage.progress import progress_bar
from affect_workbench.workbench.interface.numbers import points
from affect_workbench.workbench.models.attaching.probes import answered_pictures
from affect_workbench.workbench.models.attaching.settings import AttachSettings

if TYPE_CHECKING:
    from PIL.Image import Image

    from affect_workbench.probes.attach.tap import Tap

CAPTION = "Describe this picture in one sentence."
CAPTIONS, CAPTION_TOKENS = 40, 24
"""Free texts that are compared before and after, and their length."""
FEWEST = 40
"""Pictures with a known value, below which nothing is erased."""


def causal_tables(
    settings: AttachSettings, tap: Tap, answers: Predictions, asked: Asked, *, kept: Path, progress: bool = True
) -> pd.DataFrame:
    """Erases each attribute of the settings and compares answers, see `analyses.fidelity.causal.causal_table`.

    Args:
        settings: which attributes, where, and on how many pictures.
        tap: the model.
        answers: what it said of all pictures, with their rows and paths.
        asked: in which words.
        kept: folder for the rounds of answers; the same call goes on there.
        progress: show a bar.

    Raises:
        ValueError: an attribute that is not there, does not vary, or has too few pictures; a place where nothing can be
            erased.
    """
    pictures = answered_pictures(answers)
    coded = {one.column: one for one in pictures.attributes}
    for name in settings.erase:
        if name not in coded:
            raise ValueError(f"--erase {name!r}: expected one of {', '.join(coded) or 'no attribute'}")
    kept.mkdir(parents=True, exist_ok=True)
    found = []
    for name in settings.erase:
        halves = _halves(pictures, coded[name], settings)
        fitted, judged = halves
        truth = pictures.truth
        erasers = token_erasers(
            _tokens(tap, answers.rows.iloc[fitted], asked.question, settings),
            coded[name].codes[fitted],
            labels=None if truth is None else truth[fitted],
            random=settings.random_directions,
            seed=settings.seed,
        )
        rounds = _Rounds(tap, answers.rows.iloc[judged], asked, settings, kept)
        with progress_bar(total=2 + len(erasers.random), desc=f"erasing {name}", progress=progress) as bar:
            before, texts = rounds.answers("before", None, bar), rounds.captions(None)
            after, texts_after = rounds.answers(name, erasers.erasers, bar), rounds.captions(erasers.erasers)
            random = [rounds.answers(f"{name} {at}", drawn, bar) for at, drawn in enumerate(erasers.random)]
        of = replace(_part(pictures, judged), answers=before.argmax(axis=1))
        erasure = Erasure(name, after, np.stack(random), (texts, texts_after), settings.erase_at)
        found.append(causal_table(of, erasure, sampling=Sampling(seed=settings.seed)))
    return pd.concat(found, ignore_index=True)


@dataclass(frozen=True)
class Asked:
    """In which words a model is asked.

    Attributes:
        labels: the `k` label words.
        prompts: asked one after the other; answers are means over them.
        question: the prompt that it is tapped with.
    """

    labels: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    question: str


@dataclass(frozen=True)
class _Rounds:
    """Answers of the model to the judged pictures, round by round; each is a file that is there whole or not at all."""

    tap: Tap
    rows: pd.DataFrame
    asked: Asked
    settings: AttachSettings
    kept: Path

    def answers(self, name: str, erasers: Sequence[Eraser] | None, bar: tqdm[None]) -> Floats:
        """Probabilities `(n, k)` of the labels as the answer, the mean over prompts, with something erased or nothing."""
        file = self.kept / f"{self._key(name)}.npy"
        if not file.is_file():
            found = self._asked(erasers)
            partial = file.with_suffix(".partial")
            with partial.open("wb") as target:
                np.save(target, found, allow_pickle=False)
            os.replace(partial, file)
        bar.update()
        return np.asarray(np.load(file, allow_pickle=False), np.float64)

    def captions(self, erasers: Sequence[Eraser] | None) -> list[str]:
        """Captions of the first pictures, each word the likeliest; empty texts for the others."""
        from affect_workbench.probes.attach.generation import generate

        texts: list[str] = []
        with self._erased(erasers):
            for opened, _ in self._batches(CAPTIONS):
                asked = [CAPTION] * len(opened)
                texts += generate(
                    self.tap.model, opened, asked, max_new_tokens=CAPTION_TOKENS, temperature=0.0, seed=self.settings.seed
                )
        return texts

    def _asked(self, erasers: Sequence[Eraser] | None) -> Floats:
        from affect_workbench.probes.attach.scoring import score_labels

        labels, prompts, found = self.asked.labels, self.asked.prompts, []
        with self._erased(erasers):
            for opened, ids in self._batches(len(self.rows)):
                shares = []
                for prompt in prompts:
                    questions = [prompt.question(labels, image_id=one, seed=self.settings.seed) for one in ids]
                    shares.append(special.softmax(score_labels(self.tap.model, opened, questions, labels), axis=1))
                found.append(np.mean(shares, axis=0))
        return np.concatenate(found)

    def _batches(self, most: int) -> Iterator[tuple[list[Image], list[str]]]:
        rows = self.rows.iloc[:most]
        for start in range(0, len(rows), self.settings.batch):
            some = rows.iloc[start : start + self.settings.batch]
            yield [open_picture(Path(path)) for path in some["path"]], [str(one) for one in some["image_id"]]

    def _erased(self, erasers: Sequence[Eraser] | None) -> AbstractContextManager[None]:
        if erasers is None:
            return nullcontext()
        return self.tap.erase(self.settings.erase_at, erasers if len(erasers) > 1 else erasers[0])

    def _key(self, name: str) -> str:
        """Sixteen hex digits that change with whatever the answers depend on."""
        settings, asked = self.settings, self.asked
        parts = [
            self.tap.model.fingerprint(),
            name,
            settings.erase_at,
            settings.seed,
            settings.erase_pictures,
            asked.question,
            list(asked.labels),
            prompts_fingerprint(asked.prompts),
            self.rows["image_id"].astype(str).tolist(),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def causal_sentences(causal: pd.DataFrame) -> list[str]:
    """A sentence an erased attribute: the cell that was skewed most, and what is left of it."""
    found = []
    for name, rows in causal[causal["erased"]].groupby("attribute", sort=False):
        skewed = rows.dropna(subset=["removed"])
        if skewed.empty:
            found.append(f"erasing {name}: the answers are not skewed by it on the judged half, nothing could go")
            continue
        row = skewed.iloc[int(skewed["before"].abs().to_numpy().argmax())]
        change = f"{points(row['before'])} to {points(row['after'])} points"
        skew = f"the skew of {row['slice']} toward {row['emotion']} ({change})"
        removed = _taken(row["removed"], skew)
        found.append(f"erasing {name} takes {removed}; random directions take {_taken(row['random_removed'], 'it')}")
    return found


def _taken(share: float, skew: str) -> str:
    """How much of a skew is gone: what was taken beyond all of it has turned it around, less than nothing is growth."""
    percent = round(100 * share)
    if percent > 100:
        return f"all of {skew}, and beyond ({percent} %)"
    return f"nothing of {skew}, and it grows by {-percent} %" if percent < 0 else f"{percent} % of {skew}"


def _halves(pictures: AnsweredPictures, coded: CodedAttribute, settings: AttachSettings) -> tuple[Codes, Codes]:
    """Positions of the pictures that the eraser is fitted on, and of those that the model answers to."""
    known = np.flatnonzero((coded.codes >= 0) & (pictures.answers >= 0))
    if len(known) < FEWEST or len(np.unique(coded.codes[known])) < 2:
        raise ValueError(
            f"--erase {coded.column!r}: {plural(len(known), 'answered picture')} with a value, expected {FEWEST} of two"
        )
    if len(known) > settings.erase_pictures:
        drawn = np.random.default_rng(settings.seed).choice(known, settings.erase_pictures, replace=False)
        known = np.sort(drawn)
    groups = None if pictures.groups is None else pictures.groups[known]
    half = grouped_folds(coded.codes[known], 2, groups=groups, seed=settings.seed)
    return known[half == 0], known[half == 1]


def _tokens(tap: Tap, rows: pd.DataFrame, question: str, settings: AttachSettings) -> list[Vectors]:
    """The picture tokens `(t, d)` of each picture at the place where something is erased."""
    from affect_workbench.probes.attach.erasing import token_values
    from affect_workbench.probes.attach.inputs import prepare

    found: list[Vectors] = []
    for start in range(0, len(rows), settings.batch):
        opened = [open_picture(Path(path)) for path in rows["path"].iloc[start : start + settings.batch]]
        batch = prepare(tap.model, opened, [question] * len(opened))
        found += token_values(tap.model, batch, settings.erase_at)
    return found


def _part(pictures: AnsweredPictures, at: Codes) -> AnsweredPictures:
    """Some of the pictures, coded as among all."""
    attributes = tuple(replace(one, codes=one.codes[at]) for one in pictures.attributes)
    truth, groups = (None if one is None else one[at] for one in (pictures.truth, pictures.groups))
    return AnsweredPictures(pictures.labels, pictures.answers[at], attributes, truth, groups)
