"""How does a multimodal LLM become measures of its reasoning, a page about them, and texts to audit?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.texts.audit import run_text_audit
from affect_workbench.analyses.texts.reasoning.answers import CAPTION, TEXT_COLUMNS, TRUE, ReadAnswers, read_answers
from affect_workbench.analyses.texts.reasoning.evaluate import evaluate_reasoning
from affect_workbench.analyses.texts.reasoning.result import ReasoningResult
from affect_workbench.analyses.texts.unspoken import UnspokenBias
from affect_workbench.data.answers.texts import Texts
from affect_workbench.data.datasets.manifest import Manifest
from affect_workbench.data.instruct.conditioning import NONE, PREDICTED, Ranked
from affect_workbench.data.instruct.folder import vocabulary_of
from affect_workbench.data.instruct.plan import Plan
from affect_workbench.data.instruct.vocabulary import CAPTION as CAPTION_COLUMN
from affect_workbench.data.instruct.vocabulary import Vocabulary, is_drawn_world
from affect_workbench.data.instruct.writers import RulesWriter
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json, write_text
from affect_workbench.data.tables.columns import attribute_columns
from affect_workbench.data.tables.splits import split_name
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.shards import Shards
from affect_workbench.workbench.datasets.command import current_manifest
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.mmllm.reasoning.asking import Interview, way_of
from affect_workbench.workbench.models.mmllm.reasoning.page import Examined, reasoning_html
from affect_workbench.workbench.models.mmllm.reasoning.pairs import differing_attribute, unspoken_in_pairs
from affect_workbench.workbench.models.mmllm.reasoning.pictures import DrawnRegions, Responder, ShownPictures, mean_picture
from affect_workbench.workbench.models.mmllm.reasoning.questions import free_questions, masked_questions, planned_questions
from affect_workbench.workbench.models.mmllm.settings import ReasoningSettings

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

    from affect_workbench.probes.attach.model import MultimodalModel

REASONING_FILE, MEASURES_FILE, TEXTS_FILE, REPORT_FILE = "reasoning.json", "measures.csv", "texts.jsonl", "report.html"
ANSWERS_FILE, PICTURES_FILE, SLICES_FILE = "answers.parquet", "pictures.csv", "by_slice.csv"
SCHEMA = 1
_FEWEST = 2


@dataclass(frozen=True)
class EvaluatedReasoning:
    """What was found.

    Attributes:
        result: the measures.
        answers: what they are made of.
        by_slice: the audit of the texts in which the model chose its words itself; None where nothing can be sliced.
        pairs: what pairs show; None without them.
        notes: what has to be known of it.
    """

    result: ReasoningResult
    answers: ReadAnswers
    by_slice: AuditResult | None
    pairs: UnspokenBias | None
    notes: tuple[str, ...]


@writes_out()
def evaluate_model(
    settings: ReasoningSettings, *, command: str = "", say: Say = print, answers: Responder | None = None
) -> EvaluatedReasoning:
    """Asks a model about pictures, shown and not, and writes what its reasoning rests on; see `ReasoningSettings`.

    Args:
        settings: who is asked about what.
        command: the command line, for the record.
        say: where lines for the reader go.
        answers: who answers, in place of the model of the settings.

    Raises:
        ValueError: no labels, too few pictures, nothing known of them, pairs that are none, or a model that cannot be
            loaded.
        FileExistsError: the folder exists.
    """
    _require_least(settings)
    manifest = current_manifest(Path(settings.pictures), say, allow_outside=settings.allow_outside)
    asked = _Pictures.of(manifest, settings)
    paired = _pairs(settings, say) if settings.pairs else None
    ranked = _ranked(settings, asked, say) if settings.probe else {}
    regions = DrawnRegions.of(asked.rows, manifest.root, next(iter(asked.paths.values())))
    fingerprint = ""
    if answers is None:
        model = settings.loading.load(settings.model, say)
        answers, fingerprint = _answers_of(model, settings.max_tokens), model.fingerprint()
    shown = ShownPictures(answers, mean_picture(list(asked.paths.values())), regions, batch=settings.batch)
    own = {name: getattr(settings, name) for name in ("model", "seed", "max_tokens")}
    shards = Shards(Path(settings.out), way_of(own | {"fingerprint": fingerprint}, sorted(asked.contents.values())))
    interview = Interview(shards, shown, settings.batch)
    found = _examined(interview, asked, paired, regions, ranked, settings)
    for line in _told(found):
        say(line)
    record = {"model": settings.model, "fingerprint": fingerprint, "pictures": len(asked.rows), "command": command}
    _write(settings, asked, found, record)
    shards.remove()
    say(f"wrote {settings.out}; next: workbench audit --texts {Path(settings.out) / TEXTS_FILE} -o AUDIT")
    return found


@dataclass(frozen=True)
class _Pictures:
    """Pictures that are asked about, what is known of them, and in which words."""

    rows: pd.DataFrame
    paths: Mapping[str, Path]
    contents: Mapping[str, str]
    vocabulary: Vocabulary
    taxonomy: Taxonomy
    seed: int

    @classmethod
    def of(cls, manifest: Manifest, settings: ReasoningSettings) -> _Pictures:
        """At most so many of the manifest as the settings say."""
        if manifest.taxonomy is None or "label" not in manifest.rows:
            raise ValueError(f"{settings.pictures} names no labels: reasoning is about an emotion that is known")
        rows = manifest.rows.assign(path=[str(path) for path in manifest.paths()])
        if settings.split:
            rows = rows[rows["split"] == split_name(settings.split)] if "split" in rows else rows.iloc[:0]
        rows = _at_most(rows.reset_index(drop=True), settings)
        if len(rows) < _FEWEST:
            raise ValueError(f"{plural(len(rows), 'picture')} to ask about: expected at least {_FEWEST}")
        vocabulary = vocabulary_of(rows, settings.attributes, settings.causes)
        if not vocabulary.words:
            raise ValueError(f"{settings.pictures} has no attribute of text with few values: nothing can be checked")
        return cls.named(rows, vocabulary, manifest.taxonomy, settings.seed)

    @classmethod
    def named(cls, rows: pd.DataFrame, vocabulary: Vocabulary, taxonomy: Taxonomy, seed: int) -> _Pictures:
        ids = rows["image_id"].astype(str)
        paths = dict(zip(ids, map(Path, rows["path"]), strict=True))
        return cls(rows, paths, dict(zip(ids, rows["content"].astype(str), strict=True)), vocabulary, taxonomy, seed)

    def read(self, texts: pd.DataFrame) -> ReadAnswers:
        """The answers, read."""
        return read_answers(texts, self.rows, self.vocabulary, self.taxonomy)

    def references(self) -> pd.Series | None:
        """A caption of each picture: its own, or by the rules of the drawn world; None where there is neither."""
        if CAPTION_COLUMN in self.rows:
            return self.rows.set_index("image_id")[CAPTION_COLUMN].dropna()
        if not is_drawn_world(self.rows):
            return None
        turns = Plan(self.vocabulary, (CAPTION,), 0, self.seed).turns(self.rows)
        writer = RulesWriter(self.rows, self.vocabulary, self.taxonomy, seed=self.seed)
        return pd.Series({turn.image_id: one.text for turn, one in zip(turns, writer.written(turns), strict=True)})


def _require_least(settings: ReasoningSettings) -> None:
    for name, least in (("most", 0), ("max_tokens", 1), ("batch", 1)):
        value = getattr(settings, name)
        if value < least:
            raise ValueError(f"--{name.replace('_', '-')} is {value}: expected {least} or more")
    if settings.encoder and not settings.probe:
        raise ValueError("--encoder is that of --probe: give a probe, or leave it out")


def _at_most(rows: pd.DataFrame, settings: ReasoningSettings) -> pd.DataFrame:
    if not settings.most or len(rows) <= settings.most:
        return rows
    chosen = np.random.default_rng(settings.seed).choice(len(rows), settings.most, replace=False)
    return rows.iloc[np.sort(chosen)].reset_index(drop=True)


def _pairs(settings: ReasoningSettings, say: Say) -> pd.DataFrame:
    """The pictures of as many whole pairs as are asked for."""
    manifest = current_manifest(Path(settings.pairs), say, allow_outside=settings.allow_outside)
    rows = manifest.rows.assign(path=[str(path) for path in manifest.paths()])
    differing_attribute(rows)
    pairs = _at_most(rows[["pair_id"]].dropna().drop_duplicates().reset_index(drop=True), settings)["pair_id"]
    rows = rows[rows["pair_id"].isin(pairs)].reset_index(drop=True)
    return rows if "label" in rows else rows.assign(label=None)


def _ranked(settings: ReasoningSettings, asked: _Pictures, say: Say) -> dict[str, Ranked]:
    """What the probe says of each picture."""
    from affect_workbench.probes.checkpoint import load_probe
    from affect_workbench.workbench.models.mmllm.projecting import encoder_of, found_emotions

    probe = load_probe(settings.probe)
    encoder = encoder_of(probe, encoder=settings.encoder, device=settings.loading.device)
    found = found_emotions(probe, list(asked.paths.values()), encoder)
    if found.seen:
        say(f"note: the probe was trained on {found.seen:,} of these pictures")
    return dict(zip(asked.paths, found.ranked, strict=True))


def _answers_of(model: MultimodalModel, max_tokens: int) -> Responder:
    from affect_workbench.probes.attach.generation import generate
    from affect_workbench.probes.mmllm.pictures import looked_at_once

    known: dict[str, Tensor] = {}

    def answers(pictures: Sequence[Image], questions: Sequence[str]) -> list[str]:
        with looked_at_once(model.model, known):
            return generate(model, pictures, questions, max_new_tokens=max_tokens)

    return answers


def _examined(
    interview: Interview,
    asked: _Pictures,
    paired: pd.DataFrame | None,
    regions: DrawnRegions,
    ranked: Mapping[str, Ranked],
    settings: ReasoningSettings,
) -> EvaluatedReasoning:
    planned = planned_questions(asked.rows, asked.vocabulary, asked.taxonomy, seed=settings.seed, ranked=ranked)
    texts = interview.answered(planned, asked.paths, asked.contents)
    hidden = masked_questions(asked.read(texts), planned, regions.maskable)
    texts = pd.concat([texts, interview.answered(hidden, asked.paths, asked.contents)], ignore_index=True)
    answers = asked.read(texts)
    result = evaluate_reasoning(answers, references=asked.references())
    unspoken = None
    if paired is not None:
        two = _Pictures.named(paired, asked.vocabulary, asked.taxonomy, asked.seed)
        told = two.read(interview.answered(free_questions(two.rows), two.paths, two.contents))
        unspoken = unspoken_in_pairs(told, paired, two.vocabulary)
    by_slice, why_not = _by_slice(answers, asked.rows)
    notes = (*result.notes, *filter(None, (regions.why_not, why_not)), *interview.notes)
    return EvaluatedReasoning(result, answers, by_slice, unspoken, notes)


def own_texts(answers: ReadAnswers, rows: pd.DataFrame) -> pd.DataFrame:
    """The texts in which the model chose its words and its emotion itself, a row each, with what is known of the picture.

    Captions, and reasoning without the true label in the question; about the true pictures.
    """
    texts = answers.rows
    own = (texts["task"] == CAPTION) | texts["mode"].isin((NONE, PREDICTED))
    known = ["image_id", *(name for name in ("label", "group_id", "pair_id") if name in rows), *attribute_columns(rows)]
    return texts.loc[own & (texts["shown"] == TRUE), ["image_id", "text"]].merge(rows[known], on="image_id")


def _by_slice(answers: ReadAnswers, rows: pd.DataFrame) -> tuple[AuditResult | None, str]:
    """The audit of its own texts, attribute by attribute, or why there is none."""
    texts = Texts.from_frame(own_texts(answers, rows), source="its captions and its reasoning without a label")
    pictures = rows.drop(columns=["path", "content", "split"], errors="ignore")
    try:
        return run_text_audit(texts, pictures, AuditConfig(order=1)), ""
    except ValueError as error:  # what cannot be sliced is still measured as a whole
        return None, f"its texts are not compared between slices: {error}"


def _told(found: EvaluatedReasoning) -> list[str]:
    """What is printed, a line each."""
    lines = [*found.result.sentences()]
    if found.by_slice is not None:
        skewed = int((found.by_slice.outcomes["verdict"] == "skewed").sum())
        lines.append(f"by slice, its own texts: {plural(skewed, 'skewed (slice, outcome) pair')}")
    if found.pairs is not None:
        lines.append(found.pairs.sentence)
    return lines + [f"note: {note}" for note in found.notes]


def _write(settings: ReasoningSettings, asked: _Pictures, found: EvaluatedReasoning, about: Mapping[str, Any]) -> None:
    measures = found.result.table
    record = {
        "schema": SCHEMA,
        **about,
        "seed": settings.seed,
        "probe": settings.probe,
        "headline": found.result.headline,
        "measures": [{str(key): _plain(value) for key, value in row.items()} for row in measures.to_dict("records")],
        "pairs": None if found.pairs is None else _pairs_record(found.pairs),
        "notes": list(found.notes),
    }
    known = asked.rows.drop(columns=["path", "content"])
    pictures = known.merge(found.result.pictures, on="image_id", how="left")
    examined = Examined(found.result, found.answers, asked.rows, found.by_slice, found.pairs, found.notes)
    with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as folder:
        found.answers.rows[list(TEXT_COLUMNS)].to_parquet(folder / ANSWERS_FILE)
        measures.to_csv(folder / MEASURES_FILE, index=False)
        pictures.to_csv(folder / PICTURES_FILE, index=False)
        lines = own_texts(found.answers, asked.rows).to_json(orient="records", lines=True, force_ascii=False)
        write_text(folder / TEXTS_FILE, lines)
        if found.by_slice is not None:
            found.by_slice.outcomes.drop(columns="where").to_csv(folder / SLICES_FILE, index=False)
        write_json(folder / REASONING_FILE, record)
        write_text(folder / REPORT_FILE, reasoning_html(examined, model=settings.model, command=str(about["command"])))


def _pairs_record(pairs: UnspokenBias) -> dict[str, Any]:
    rates = {name: getattr(pairs, name) for name in ("flips", "unspoken", "unspoken_pairs")}
    told = {
        name: {"hits": rate.hits, "n": rate.n, "low": _plain(rate.low), "high": _plain(rate.high)}
        for name, rate in rates.items()
    }
    return {"attribute": pairs.attribute, "one_sided": pairs.one_sided, "not_counted": pairs.not_counted, **told}


def _plain(value: Any) -> Any:
    """A value as JSON has it: no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
