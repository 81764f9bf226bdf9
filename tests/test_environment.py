"""Does environment.yml name what pyproject.toml names, and does its pip section install?"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / "environment.yml"

IMPORT_EVERYTHING = """
import importlib, pathlib, pkgutil, crm_utils
for module in pkgutil.walk_packages(crm_utils.__path__, "crm_utils."):
    if module.name != "crm_utils.engine.spark":  # Spark is an extra, imported where a study asks for it
        importlib.import_module(module.name)
print(pathlib.Path(crm_utils.__file__).resolve())
"""


def _pip_section() -> list[str]:
    dependencies = yaml.safe_load(ENVIRONMENT.read_text(encoding="utf-8"))["dependencies"]
    return next(entry["pip"] for entry in dependencies if isinstance(entry, dict))


def _name(requirement: str) -> str:
    """A requirement without its versions: ``ibis-framework[duckdb]``."""
    parsed = Requirement(requirement)
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    return parsed.name.lower().replace("_", "-") + extras


def _hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    return [hook for repo in config["repos"] for hook in repo["hooks"]]


def _pins() -> dict[str, set[str]]:
    """Each package of constraints.txt with its versions (some differ by Python version)."""
    pins: dict[str, set[str]] = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, version = line.split(";")[0].strip().split("==")
            pins.setdefault(name, set()).add(version)
    return pins


def test_environment_and_pyproject_name_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [line for line in _pip_section() if not line.startswith("-")]
    assert sorted(map(_name, listed)) == sorted(map(_name, project["dependencies"]))


def test_every_package_that_crm_utils_imports_is_a_named_dependency() -> None:
    """What comes along with another package may leave with its next version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    named = {_name(line).split("[")[0] for line in [*project["dependencies"], *extras]}
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "crm_utils").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    outside = {name.split(".")[0] for name in modules} - sys.stdlib_module_names - {"crm_utils", "__main__"}
    homes = packages_distributions()  # an extra that is not here goes by its own name
    brought = {name: {_name(home) for home in homes.get(name, [name])} for name in outside}
    assert {name: sorted(packages) for name, packages in brought.items() if not packages & named} == {}


def test_environment_uses_the_constraints_and_this_package() -> None:
    assert [line for line in _pip_section() if line.startswith("-")] == ["-c constraints.txt", "-e ."]


def test_versions_stand_in_pyproject_and_constraints_alone() -> None:
    assert [line for line in _pip_section() if re.search(r"[<>=~!]", line)] == []


def test_every_dependency_has_a_reason() -> None:
    section = ENVIRONMENT.read_text(encoding="utf-8").split("dependencies:", 1)[1].splitlines()
    entries = [line.strip() for line in section if line.strip().startswith("- ") and line.strip() != "- pip:"]
    assert len(entries) == len(_pip_section()) + 2  # python and pip
    assert [entry for entry in entries if not re.search(r"  # \w", entry)] == []


def test_hooks_use_the_versions_of_the_constraints() -> None:
    pinned = [pin.split("==") for hook in _hooks() for pin in hook["additional_dependencies"]]
    pins = _pins()
    assert {name for name, _ in pinned} == {"ruff", "nbstripout"}
    assert [(name, version, pins[name]) for name, version in pinned if {version} != pins[name]] == []


def test_hook_strips_what_the_lint_session_looks_for() -> None:
    strip = next(hook["entry"] for hook in _hooks() if hook["id"] == "nbstripout")
    extra = re.search(r'--extra-keys "(.+)"', strip)
    assert extra is not None
    assert extra[1] in (ROOT / "noxfile.py").read_text(encoding="utf-8")


@pytest.mark.install
def test_the_pip_section_installs_in_a_new_environment(tmp_path: Path) -> None:
    """Every module imports there, so what crm_utils imports is what the environment brings."""
    project = _copy_of_the_project(tmp_path / "project")
    (project / "requirements.txt").write_text("\n".join(_pip_section()) + "\n", encoding="utf-8")
    python = _new_environment(tmp_path / "environment", requirements=project / "requirements.txt")

    seen = _run(str(python), "-c", IMPORT_EVERYTHING, cwd=tmp_path)
    assert Path(seen.strip().splitlines()[-1]) == (project / "crm_utils" / "__init__.py").resolve()


def _copy_of_the_project(folder: Path) -> Path:
    """Only what installing needs: an editable install writes beside the package, so never in the clone."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "crm_utils", folder / "crm_utils", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _new_environment(folder: Path, *, requirements: Path) -> Path:
    """Make it with uv where there is one, because that takes seconds where pip takes a minute."""
    scripts = Path(sys.executable).parent
    uv = shutil.which("uv", path=f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if uv:
        _run(uv, "venv", "--python", sys.executable, str(folder), cwd=requirements.parent)
        install = [uv, "pip", "install", "--python", str(python)]
    else:
        _run(sys.executable, "-m", "venv", str(folder), cwd=requirements.parent)
        install = [str(python), "-m", "pip", "install", "--no-compile"]
    _run(*install, "-r", requirements.name, cwd=requirements.parent)
    return python


def _run(*command: str, cwd: Path) -> str:
    # No byte code (imported once, then thrown away), and nothing of the environment that runs this test.
    ours = {"UV_COMPILE_BYTECODE", "UV_CONSTRAINT", "VIRTUAL_ENV", "PYTHONPATH"}
    environment = {key: value for key, value in os.environ.items() if key not in ours}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
