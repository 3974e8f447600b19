"""What can be said on the command line or in a TOML file, and what does each word mean?

One dataclass a command, in the module of its theme; its field docs are the command line's help (`workbench.options` reads
flags and files into it).
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from workbench.settings.audit import AuditSettings, DiscoverSettings
from workbench.settings.demo import BenchSettings, DemoSettings
from workbench.settings.evaluate import EvaluateSettings, ReproduceSettings
from workbench.settings.pictures import DataSettings, FeaturesSettings, OverlapSettings
from workbench.settings.runs import (
    AppSettings,
    CompareSettings,
    LabelSettings,
    ReportSettings,
    ReviewSettings,
    SelftestSettings,
)
from workbench.settings.train import AnchorsSettings, ImportTinyemoSettings, SweepSettings, TrainSettings

COMMANDS: Mapping[str, type[Any]] = types.MappingProxyType(
    {
        "demo": DemoSettings,
        "data": DataSettings,
        "features": FeaturesSettings,
        "overlap": OverlapSettings,
        "train": TrainSettings,
        "sweep": SweepSettings,
        "import-tinyemo": ImportTinyemoSettings,
        "anchors": AnchorsSettings,
        "evaluate": EvaluateSettings,
        "reproduce": ReproduceSettings,
        "audit": AuditSettings,
        "compare": CompareSettings,
        "selftest": SelftestSettings,
        "bench": BenchSettings,
        "discover": DiscoverSettings,
        "review": ReviewSettings,
        "label": LabelSettings,
        "report": ReportSettings,
        "app": AppSettings,
    }
)
"""Command -> its settings, in the order of the help."""

__all__ = [
    "COMMANDS",
    "AnchorsSettings",
    "AppSettings",
    "AuditSettings",
    "BenchSettings",
    "CompareSettings",
    "DataSettings",
    "DemoSettings",
    "DiscoverSettings",
    "EvaluateSettings",
    "FeaturesSettings",
    "ImportTinyemoSettings",
    "LabelSettings",
    "OverlapSettings",
    "ReportSettings",
    "ReproduceSettings",
    "ReviewSettings",
    "SelftestSettings",
    "SweepSettings",
    "TrainSettings",
]
