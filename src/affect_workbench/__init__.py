"""Bias detection and interpretability for visual-emotion models.

    import affect_workbench as aw

    table = aw.Predictions.from_frame(frame)  # one row a picture: predicted, label, attributes
    result = aw.audit(table, attributes=["tone", "light"])
    result  # in a notebook: the headline and the first findings
    result.to_html("report.html")

Nothing is imported before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from affect_workbench.analyses.audit.config import AuditConfig
    from affect_workbench.analyses.discovery.config import DiscoveryConfig
    from affect_workbench.audits import Audit
    from affect_workbench.data.datasets.measurements import Measurements
    from affect_workbench.data.features import FeatureSet, FeatureSpec
    from affect_workbench.data.predictions import Predictions
    from affect_workbench.data.taxonomies.taxonomy import Taxonomy
    from affect_workbench.notebook import audit, compare, discover, find_duplicates, fit, load, load_probe, save_probe
    from affect_workbench.probes.attach.tap import Tap, attach
    from affect_workbench.probes.config import FitConfig
    from affect_workbench.probes.projector import Probe
    from affect_workbench.results import Comparison, Discovery, Duplicates

_HOMES = {
    "Audit": "audits",
    "AuditConfig": "analyses.audit.config",
    "Comparison": "results",
    "Discovery": "results",
    "DiscoveryConfig": "analyses.discovery.config",
    "Duplicates": "results",
    "FeatureSet": "data.features",
    "FeatureSpec": "data.features",
    "FitConfig": "probes.config",
    "Measurements": "data.datasets.measurements",
    "Predictions": "data.predictions",
    "Probe": "probes.projector",
    "Tap": "probes.attach.tap",
    "Taxonomy": "data.taxonomies.taxonomy",
    "attach": "probes.attach.tap",
    "audit": "notebook",
    "compare": "notebook",
    "discover": "notebook",
    "find_duplicates": "notebook",
    "fit": "notebook",
    "load": "notebook",
    "load_probe": "notebook",
    "save_probe": "notebook",
}
"""Public name -> the module that it lives in."""

__all__ = [
    "Audit",
    "AuditConfig",
    "Comparison",
    "Discovery",
    "DiscoveryConfig",
    "Duplicates",
    "FeatureSet",
    "FeatureSpec",
    "FitConfig",
    "Measurements",
    "Predictions",
    "Probe",
    "Tap",
    "Taxonomy",
    "attach",
    "audit",
    "compare",
    "discover",
    "find_duplicates",
    "fit",
    "load",
    "load_probe",
    "save_probe",
]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
