"""Which of the eight sets of TinyEmo's Table VIII are under a folder, and how does a probe do on them?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from affect_workbench.data.datasets.feature_files import is_tree
from affect_workbench.data.datasets.layouts.known import recognise
from affect_workbench.data.datasets.published import SETS, set_named
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.workbench.datasets.features import open_features
from affect_workbench.workbench.datasets.settings import FeaturesSettings
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.fields import require_accuracy
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.evaluation.command import EvaluationProtocol, dataset_table, finish, open_probes
from affect_workbench.workbench.models.evaluation.reproduce_training import require_trainable, trained_on_table
from affect_workbench.workbench.models.evaluation.settings import ReproduceSettings
from affect_workbench.workbench.models.evaluation.table import DatasetTable
from affect_workbench.workbench.models.training.near_duplicates import NearSearch
from affect_workbench.workbench.models.training.provenance import training_provenance

TABLES = ("table-viii",)
CACHE = ".workbench-features"


@dataclass(frozen=True)
class Found:
    """One of the eight sets on disk.

    Attributes:
        name: short name, as in `data.datasets.published.SETS`.
        path: its folder.
        encoded: whether the folder holds features; pictures have to be encoded first.
    """

    name: str
    path: Path
    encoded: bool


@writes_out()
def reproduce(settings: ReproduceSettings, *, say: Say = print) -> tuple[DatasetTable, ...]:
    """Evaluates a probe on whichever of the eight sets are under the folder, and says which are missing.

    Without a probe one is trained first, as TinyEmo's were: on EmotionROI, EmoSet and WEBEmo together.

    Raises:
        FileExistsError: the folder to write exists.
        FileNotFoundError: no such folder.
        ValueError: an unknown table, none of the sets, or see `workbench.models.evaluation.command.dataset_table`.
    """
    from affect_workbench.probes.evaluation.baselines import encoder_name

    require_accuracy(settings.target_accuracy)
    if settings.table not in TABLES:
        raise ValueError(f"unknown table {settings.table!r}: expected {', '.join(TABLES)}")
    root = Path(settings.root)
    found = sets_under(root)
    missing = [item.title for name, item in SETS.items() if name not in {one.name for one in found}]
    if not found:
        raise ValueError(
            f"none of the eight sets is under {root}: expected a folder for each, with its pictures as published, or with "
            f"features and named after the set ({', '.join(SETS)})"
        )
    probes = open_probes(settings.probe) if settings.probe else []
    if not probes:
        require_trainable(found, settings)
    encoder = settings.encoder or (encoder_name(probes[0].spec) if probes else "unknown")
    paths: dict[str, Path] = {}
    for one in found:
        say(f"{SETS[one.name].title}: {'features' if one.encoded else 'pictures'} at {one.path}")
        paths[one.name] = one.path if one.encoded else _encoded(one, root, encoder, settings, say=say)
    folders = settings.probe if probes else trained_on_table(paths, settings, say=say)
    probes = probes or open_probes(folders)
    provenance, search = training_provenance(folders, probes), NearSearch()
    protocol = EvaluationProtocol(settings.split, settings.unseen_only, settings.encoder, settings.target_accuracy)
    tables = [
        dataset_table(
            probes,
            open_features(path, encoder=probes[0].spec.encoder),
            name=name,
            taxonomy=Taxonomy.named(SETS[name].taxonomy),
            protocol=protocol,
            provenance=provenance,
            search=search,
        )
        for name, path in paths.items()
    ]
    finish(tables, out=settings.out, overwrite=settings.overwrite, say=say)
    say(f"missing under {root}: {', '.join(missing)}" if missing else "all eight sets were found")
    return tuple(tables)


def sets_under(root: Path) -> tuple[Found, ...]:
    """The sets among the folders of `root`, in the order of the table; features are preferred to pictures.

    Features are known by the folder's name, pictures by their layout (`data.datasets.layouts`).

    Raises:
        FileNotFoundError: no such folder.
        ValueError: two folders hold the same set in the same form.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no folder at {root}: expected one that holds a folder for each dataset")
    found: dict[tuple[str, bool], Path] = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        encoded = FeatureSet.is_saved(folder) or is_tree(folder)
        if encoded:
            known = set_named(folder.name)
        else:
            layout = recognise(folder)
            known = None if layout is None else SETS.get(layout.name)
        if known is None:
            continue
        other = found.setdefault((known.name, encoded), folder)
        if other != folder:
            raise ValueError(f"{other} and {folder} both look like {known.title}: leave one of them under {root}")
    return tuple(
        Found(name, found[name, encoded], encoded)
        for name in SETS
        for encoded in [(name, True) in found]
        if (name, encoded) in found
    )


def _encoded(one: Found, root: Path, encoder: str, settings: ReproduceSettings, *, say: Say) -> Path:
    """Features of a set's pictures, kept under `root` for the next time."""
    from affect_workbench.data.datasets.layouts.known import read_dataset
    from affect_workbench.workbench.datasets.command import features

    if encoder == "unknown":
        why = "the probe does not say which encoder it uses" if settings.probe else "no --probe names an encoder"
        raise ValueError(f"{one.path} holds pictures, and {why}: name it with --encoder")
    cache = root / CACHE
    manifest = cache / f"{one.name}-manifest"
    out = cache / f"{one.name}-{hashlib.sha256(encoder.encode()).hexdigest()[:16]}"
    read_dataset(one.path, one.name).save(manifest, overwrite=True)
    features(FeaturesSettings(manifest=str(manifest), encoder=encoder, out=str(out), workers=settings.workers), say=say)
    return out
