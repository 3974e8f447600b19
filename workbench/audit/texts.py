"""How do texts of any model become an audit, with its run folder and report?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from affect_workbench.analyses.audit.result import AuditResult
from affect_workbench.analyses.texts.audit import run_text_audit
from affect_workbench.analyses.texts.lexicon import Lexicon
from affect_workbench.data.answers.texts import Texts
from affect_workbench.data.tables.headers import is_table
from affect_workbench.data.tables.read import columns_of
from affect_workbench.data.taxonomies.files import taxonomy_called
from affect_workbench.workbench.audit.attributes import with_pairs_column, with_tables
from affect_workbench.workbench.audit.outcomes import written_audit
from affect_workbench.workbench.audit.settings import AuditSettings
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.runs.gate import Gate

_WORD_COLUMNS = ("label", "word")


def audit_texts(
    settings: AuditSettings, texts: Texts, lexicon: Lexicon, *, gate: Gate, provenance: dict[str, Any], say: Say = print
) -> AuditResult:
    """Audits texts and writes a run folder with its report.

    Args:
        settings: what to audit.
        texts: those of `settings.texts`.
        lexicon: words to look for.
        gate: what is not let through.
        provenance: what the caller knows: command, remarks, the card of the system.
        say: where lines for the reader go.

    Raises:
        FileNotFoundError: a table of attributes is not there.
        ValueError: no such split, or see `run_text_audit`.
    """
    path = Path(settings.texts)
    joined = with_tables(texts.pictures, settings.attributes)
    rows = _in_split(joined.rows, settings.split, path)
    record: dict[str, Any] = {"texts": str(path)} | ({"valence": settings.valence} if settings.valence else {})
    if joined.origins:
        record |= {"attributes_table": ", ".join(dict.fromkeys(joined.origins.values())), "joined": joined.origins}
    texts = replace(texts, notes=(*texts.notes, *joined.notes(rows["image_id"])))
    if settings.pairs:
        rows, notes = with_pairs_column(rows, settings.pairs)
        texts = replace(texts, notes=(*texts.notes, *notes))
    names = tuple(item for item in settings.attributes if not is_table(Path(item)))
    record |= {"lexicon": lexicon.name, "kept_attribute_words": settings.keep_attribute_words}
    return written_audit(
        settings,
        lambda step: run_text_audit(
            texts,
            rows,
            replace(settings.audit, attributes=names or None),
            lexicon=lexicon,
            keep_attribute_words=settings.keep_attribute_words,
            provenance=provenance | record,
            progress=step,
        ),
        gate=gate,
        say=say,
        first="reading texts",
    )


def text_lexicon(taxonomy: str = "", valence: str = "") -> Lexicon:
    """What is looked for: the built-in words, those of a taxonomy, and a user's valence.

    Args:
        taxonomy: name or file of a taxonomy.
        valence: a table with columns `label` (or `word`) and `valence`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: columns are missing, or a word has two valences or none.
    """
    lexicon = Lexicon.of_taxonomy(taxonomy_called(taxonomy)) if taxonomy else Lexicon.built_in()
    return lexicon.with_valence(_word_valence(Path(valence)), name=Path(valence).name) if valence else lexicon


def _word_valence(path: Path) -> dict[str, float]:
    if not path.is_file():
        raise FileNotFoundError(f"no valence table at {path}: expected a CSV or Parquet file with columns label, valence")
    table = columns_of(path, text=_WORD_COLUMNS).rows
    words = next((name for name in _WORD_COLUMNS if name in table), None)
    if words is None or "valence" not in table:
        raise ValueError(f"{path} has columns {', '.join(map(str, table.columns))}: expected label and valence")
    known = table[table[words].notna()]
    numbers = pd.to_numeric(known["valence"], errors="coerce").to_numpy(np.float64)
    found: dict[str, float] = {}
    for word, number in zip(known[words].str.casefold(), numbers.tolist(), strict=True):
        if not np.isfinite(number):
            raise ValueError(f"{path}: the valence of {word!r} is not a number")
        if found.setdefault(word, number) != number:
            raise ValueError(f"{path} gives {word!r} two valences, {found[word]:g} and {number:g}: keep one")
    return found


def _in_split(rows: pd.DataFrame, split: str, path: Path) -> pd.DataFrame:
    if not split:
        return rows
    inside = (rows["split"] == split).to_numpy() if "split" in rows else np.zeros(len(rows), bool)
    if not inside.any():
        raise ValueError(f"no picture of {path} is in split {split!r}")
    return rows[inside].reset_index(drop=True)
