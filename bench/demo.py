"""Is the planted bias found, and the control quiet, whatever the seed? The demo without its map, many times."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from affect_workbench.analyses.audit.config import AuditConfig
from affect_workbench.analyses.audit.run import run_audit
from affect_workbench.data.features import FeatureSet
from affect_workbench.data.synthetic.scenes import AnnotatorBias
from affect_workbench.data.synthetic.scenes.dataset import training_answers, write_scenes
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.encoders.encode import encode
from affect_workbench.probes.encoders.vision import vision_encoder
from affect_workbench.probes.training.fit import fit
from affect_workbench.workbench.benchmark.demo import planted_rank, scenes_training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    bias, taxonomy, encoder = AnnotatorBias(), Taxonomy.named("ekman6"), vision_encoder("builtin:scenes")
    top = quiet = 0
    for seed in range(given.first, given.first + given.seeds):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            world = write_scenes(root / "world", train=2_000, test=2_000, seed=seed, bias=bias, progress=False)
            features = encode(world.rows, world.paths(), encoder, out=root / "features", progress=False).features
            train, test = features.where(split="train"), features.where(split="test")
            answers = training_answers(train.rows, seed=seed, bias=None)
            fair = train.rows.assign(**{str(name): answers[name].to_numpy() for name in answers})
            results = []
            for rows in (train.rows, fair):
                side = FeatureSet(train.spec, train.values, rows)
                probe = fit(scenes_training(seed), side, taxonomy=taxonomy, progress=False)
                predictions = probe.predict(test)
                accuracy = (predictions.predicted == taxonomy.codes(test.rows["label"])).mean()
                results.append(
                    (
                        accuracy,
                        run_audit(predictions, AuditConfig(map_pictures=0, further=False, space_pictures=0, seed=seed)),
                    )
                )
        (accuracy, biased), (fair_accuracy, control) = results
        rank = planted_rank(biased, bias)
        cell = biased.findings[biased.findings["emotion"] == bias.emotion]
        cell = cell[cell["where"].map(lambda where: where == {bias.attribute: bias.value})].iloc[0]
        found = control.findings[
            control.findings["where"].map(lambda where: bias.attribute in where and len(where) == 1)
            & (control.findings["verdict"] == "skewed")
        ]
        top, quiet = top + (rank == 0), quiet + found.empty
        first = biased.findings.iloc[0]
        print(
            f"seed {seed}: planted at rank {rank + 1 if rank >= 0 else 'none'} ({100 * cell['effect']:+.1f} points, "
            f"q = {cell['q']:.1g}), first is {first['slice']} -> {first['emotion']} ({100 * first['effect']:+.1f}); "
            f"control: {len(found)} finding(s) on {bias.attribute}; accuracy {accuracy:.3f} and {fair_accuracy:.3f}",
            flush=True,
        )
    print(f"the planted bias is the top finding in {top} of {given.seeds} seeds; the control is quiet in {quiet}")


if __name__ == "__main__":
    main()
