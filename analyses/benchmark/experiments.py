"""Which experiments make up PlantedSkew, in the order of its table, and how often is each tried?"""

from __future__ import annotations

from affect_workbench.analyses.benchmark.causal import correlated_prompt_experiment, erasure_experiment
from affect_workbench.analyses.benchmark.causes import causes_experiment, no_cause_experiment
from affect_workbench.analyses.benchmark.hidden.embeddings import hidden_experiment, hidden_null_experiment
from affect_workbench.analyses.benchmark.other_tools import peers_experiment
from affect_workbench.analyses.benchmark.results import Experiment
from affect_workbench.analyses.benchmark.scenarios import scenario_experiment
from affect_workbench.analyses.benchmark.speed import speed_experiment
from affect_workbench.analyses.benchmark.tables import coverage_experiment, null_experiment, power_experiment


def experiments() -> list[Experiment]:
    """All of them; blocks of a quick run and of a full one."""
    return [
        null_experiment("null", taxonomy="mikels8", blocks=(3, 20)),
        null_experiment("null-25", taxonomy="webemo25", blocks=(1, 20)),
        null_experiment("null-groups", taxonomy="mikels8", blocks=(2, 20), grouped=True),
        correlated_prompt_experiment(blocks=(2, 20)),
        power_experiment(blocks=(6, 60)),
        coverage_experiment(),
        hidden_experiment(blocks=(1, 8)),
        hidden_null_experiment(blocks=(1, 24)),
        erasure_experiment(blocks=(2, 10)),
        causes_experiment("causes", pictures=20_000, all_three=0.95, extra=0.15, blocks=(1, 20)),
        causes_experiment("causes-few", pictures=4_000, all_three=0.85, extra=None, blocks=(1, 20)),
        no_cause_experiment(blocks=(1, 20)),
        causes_experiment("causes-votes", pictures=20_000, all_three=0.9, extra=0.6, blocks=(1, 10), voted=True),
        speed_experiment(),
        scenario_experiment(blocks=(1, 40)),
        peers_experiment(blocks=(1, 1)),
    ]
