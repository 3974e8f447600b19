"""Is a skew there in whatever words the question is asked?

A model that answers in words is asked in several prompts, and its answers are averaged. Pictures are a sample, and so are
prompts: another set of them would give another skew. What prompts share (they all find a slice angrier) is a finding;
what they do not is noise that more pictures never average out, since all pictures were asked in the same few words. So the
variance of each cell's skew from prompt to prompt, over their number, is added to that over pictures, in the interval and
the p alike (a crossed random effect, with as many degrees of freedom as prompts less one, joined by Satterthwaite's rule).

Answers that are drawn at random several times need nothing of the kind: each picture has its own draws, and what they vary
is in the variance over pictures already. Some of it is in that over prompts too: the interval is a little wider than it
must be (with five prompts whose answers are independent, by 5 % of its width at most).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from affect_workbench.analyses.inference.intervals import quantile, two_sided
from affect_workbench.analyses.inference.verdicts import Ends, Evidence, Rules
from affect_workbench.analyses.skew.attribution import Gap
from affect_workbench.analyses.slices.conditions import SliceSpec
from affect_workbench.analyses.slices.sliced import SlicedPredictions
from affect_workbench.analyses.slices.sums import CodedColumns, slice_sums
from affect_workbench.arrays import Floats

FEWEST = 2
"""Prompts from which it can be told how much a skew varies between them."""
COLUMNS = ("slice", "where", "emotion", "prompt", "effect")


@dataclass(frozen=True)
class BetweenPrompts:
    """The skew of every cell under each of `w` prompts alone.

    Attributes:
        names: of the prompts.
        effects: rate of the slice minus rate of its complement `(w, s, k)`, NaN where a side has no answer.
    """

    names: tuple[str, ...]
    effects: Floats

    @classmethod
    def of(cls, data: SlicedPredictions, *, rules: Rules) -> BetweenPrompts | None:
        """From the answers to each prompt, in the slices that `slice_sums` counts; None with fewer than `FEWEST`."""
        answers = data.predictions.by_prompt
        if len(answers) < FEWEST:
            return None
        k = len(data.predictions.taxonomy)
        # All pictures, those with an answer, answers of each label; the last row is a picture without an answer.
        of_code = np.hstack([np.ones((k + 1, 1)), np.eye(k + 1)[:, :k].sum(axis=1, keepdims=True), np.eye(k + 1)[:, :k]])
        nothing = np.empty((len(data), 0))
        effects = []
        for codes in answers.values():
            columns = CodedColumns(np.where(codes >= 0, codes, k), of_code, nothing)
            sums = slice_sums(data.attributes, columns, order=rules.order, min_count=rules.min_count)
            with np.errstate(divide="ignore", invalid="ignore"):
                rate, other = (side[:, 2:] / side[:, 1:2] for side in (sums.inside, sums.outside))
            effects.append(rate - other)
        return cls(tuple(answers), np.array(effects))

    @property
    def variance(self) -> Floats:
        """Of the mean skew over prompts, from one set of as many prompts to the next `(s, k)`; 0 where not known."""
        known = np.isfinite(self.effects).all(axis=0)
        spread = np.where(known, self.effects, 0.0).var(axis=0, ddof=1)
        return np.asarray(np.where(known, spread, 0.0) / len(self.names))

    def widened(self, effect: Floats, ends: Ends, *, level: float | Floats = 0.95) -> Ends:
        """The interval of an effect over pictures `(s, k)`, for any set of prompts."""
        between = self.variance
        normal = quantile(level)

        def end(half: Floats) -> Floats:
            own = (half / normal) ** 2
            wide = quantile(level, freedom=self._freedom(own, between)) * np.sqrt(own + between)
            return np.where(between > 0, wide, half)

        return effect - end(effect - ends[0]), effect + end(ends[1] - effect)

    def less_sure(self, effect: Floats, p: Floats) -> Floats:
        """The two-sided p of an effect over pictures `(s, k)`, for any set of prompts; never smaller."""
        between = self.variance
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(p < 1, (effect / special.ndtri(p / 2)) ** 2, np.inf)
            deviations = np.where(np.isfinite(own), np.abs(effect) / np.sqrt(own + between), 0.0)
            wider = two_sided(deviations, freedom=self._freedom(own, between))
        return np.where((between > 0) & np.isfinite(p), np.fmax(p, wider), p)

    def _freedom(self, own: Floats, between: Floats) -> Floats:
        """Satterthwaite's degrees of freedom of both variances together; that over pictures counts as known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            share = between / (own + between)
            return np.where(share > 0, (len(self.names) - 1) / share**2, np.inf)

    def over(self, evidence: Evidence) -> Evidence:
        """The evidence of all cells, for any set of prompts."""
        effect = evidence.rate - evidence.complement_rate

        def interval(level: float | Floats) -> Ends:
            return self.widened(effect, evidence.interval(level), level=level)

        return replace(evidence, p=self.less_sure(effect, evidence.p), interval=interval)

    def gap(self, model: Gap, p: Floats) -> tuple[Gap, Floats]:
        """The model gap and its two-sided p; labels do not depend on how a model is asked."""
        return Gap(model.value, *self.widened(model.value, (model.low, model.high))), self.less_sure(model.value, p)

    def table(self, specs: tuple[SliceSpec, ...], emotions: tuple[str, ...]) -> pd.DataFrame:
        """One row a (slice, emotion, prompt): the skew under that prompt alone (`COLUMNS`)."""
        w, s, k = self.effects.shape
        return pd.DataFrame(
            {
                "slice": np.repeat(np.array([spec.name for spec in specs], dtype=object), k * w),
                "where": np.repeat(np.array([spec.as_json() for spec in specs], dtype=object), k * w),
                "emotion": np.tile(np.repeat(np.array(emotions, dtype=object), w), s),
                "prompt": np.tile(np.array(self.names, dtype=object), s * k),
                "effect": self.effects.transpose(1, 2, 0).ravel(),
            }
        )
