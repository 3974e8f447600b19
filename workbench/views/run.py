"""Where do these numbers come from, and what is not in them?"""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from workbench.opened import opened_audit, opened_folder


def render() -> None:
    """Provenance, what was left out, and the files to take away."""
    result, folder = opened_audit(), opened_folder()
    run = result.run
    st.title("Run")
    if "command" in run:
        st.code(run["command"], language="bash", wrap_lines=True)
    facts = {
        "made": run["created"],
        "pictures": f"{run['pictures']:,}, {run['pictures_with_truth']:,} of them with {run['truth']}",
        "predictions": f"{run['source']} ({run['measure']})",
        "taxonomy": f"{result.taxonomy.name}: {', '.join(result.taxonomy.labels)}",
        **{name.replace("_", " "): run[name] for name in ("features", "features_fingerprint", "probe", "probe_fingerprint",
                                                          "anchors", "attributes_table") if name in run},
        "tested pairs": f"{run['tested']:,}",
        "settings": json.dumps(run["config"]),
        "versions": ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
    }  # fmt: skip
    st.table(pd.DataFrame({"": list(facts.values())}, index=list(facts)))

    st.header("Left out, and why")
    if result.excluded.empty:
        st.markdown("Nothing: every attribute, slice and picture is in the tables.")
    else:
        st.caption(f"{len(result.excluded):,} item(s). Being left out says nothing about bias.")
        st.dataframe(result.excluded, hide_index=True, key="excluded")

    st.header("Take away")
    findings = result.findings.assign(where=[json.dumps(where) for where in result.findings["where"]])
    st.download_button("Findings (CSV)", findings.to_csv(index=False).encode(), "findings.csv", "text/csv")
    report = folder / "report.html"
    if report.is_file():
        st.download_button("Report (HTML, opens offline)", report.read_bytes(), "report.html", "text/html")


render()
