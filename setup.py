"""Which packages are installed: the four folders beside this file, under the one name `affect_workbench`."""

from setuptools import find_packages, setup

FOLDERS = ("data", "probes", "analyses", "workbench")

setup(
    # The links in `src/affect_workbench` are for mypy and import-linter; a checkout without links builds the same wheel.
    package_dir={"affect_workbench": "src/affect_workbench"} | {f"affect_workbench.{name}": name for name in FOLDERS},
    packages=["affect_workbench"]
    + [f"affect_workbench.{name}" for name in find_packages(include=[f"{folder}*" for folder in FOLDERS])],
    package_data={
        "affect_workbench": ["py.typed"],
        "affect_workbench.workbench": [".streamlit/*.toml"],
        "affect_workbench.workbench.interface": ["templates/*"],
        "affect_workbench.data.taxonomies": ["*.toml"],
        "affect_workbench.probes.attach.families": ["*.toml"],
        "affect_workbench.probes.mmllm.language.scenes": ["*.json", "*.jinja", "*.safetensors", "*.md"],
        "affect_workbench.probes.mmllm.recipes": ["*.toml"],
        "affect_workbench.probes.encoders.builtin": ["*.json", "*.safetensors", "*.md"],
    },
    include_package_data=False,
)
