"""What several tests share: a tiny shop, a project folder around it, and the published data sets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import ibis.expr.types as ir
import pytest
from cdnow import cdnow_orders, cdnow_text
from demo import DemoShop, load_demo
from tiny import ROOT, TINY, write_tiny_shop

from crm_utils import loading
from crm_utils.snapshots import Snapshot
from crm_utils.study import read_study


@pytest.fixture(autouse=True)
def _no_run_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never inherit a run from the shell they are started in."""
    for name in ("CRM_RUN", "CRM_ROOT", "CRM_PYTHON", "CRM_THREADS", "CRM_MEMORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def tiny_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files like those of Complete Journey, of a simulated shop with 120 households."""
    folder = tmp_path_factory.mktemp("tiny_raw")
    write_tiny_shop(folder, households=120, seed=20170101)
    return folder


@pytest.fixture
def project(tmp_path: Path, tiny_raw: Path) -> Path:
    """A project folder of one's own: the study ``tiny``, its raw files, no notebooks yet."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "studies" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    shutil.copytree(tiny_raw, tmp_path / "raw")
    return tmp_path


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory, tiny_raw: Path) -> Path:
    """The folder ``data`` of a project whose study ``tiny`` is loaded."""
    root = tmp_path_factory.mktemp("tiny_data")
    (root / "studies").mkdir()
    (root / "studies" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (root / "raw").symlink_to(tiny_raw, target_is_directory=True)
    loading.load(root, read_study(root, "tiny"))
    return root / "data"


@pytest.fixture
def loaded(project: Path, tiny_data: Path) -> Path:
    """A project folder whose data are loaded already, which takes a second."""
    shutil.copytree(tiny_data, project / "data")
    return project


@pytest.fixture
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the working folder, as a notebook or the command line finds it."""
    monkeypatch.chdir(project / "notebooks")
    return project


@pytest.fixture(scope="session")
def complete_journey(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The real data, loaded once for all tests."""
    root = tmp_path_factory.mktemp("complete_journey")
    shutil.copytree(ROOT / "studies", root / "studies")
    snapshot, is_new = loading.load(root, read_study(root, "complete_journey"))
    assert is_new
    return snapshot


@pytest.fixture(scope="session")
def demo_shop(tmp_path_factory: pytest.TempPathFactory) -> DemoShop:
    """The simulated shop in its usual size, with everything that it can have; loading takes seconds.

    CRM_TEST_SEED draws another one: what is said of the shop has to hold in any. Some hundred estimates are
    held to its truths, so each may be four standard errors off (6 in 100,000), not two.
    """
    seed = int(os.environ.get("CRM_TEST_SEED", "3"))
    return load_demo(tmp_path_factory.mktemp("demo_shop"), customers=10_000, seed=seed)


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Path]:
    """Find a published data set: in CRM_TEST_DATA (then it must be there), else beside the project."""

    def find(name: str) -> Path:
        given = os.environ.get("CRM_TEST_DATA")
        path = Path(given or ROOT.parent / "shared" / "data") / name
        if not path.is_file():
            if given:
                pytest.fail(f"CRM_TEST_DATA is set, but {path} is not there.")
            pytest.skip(f"The data set {name} is not on this machine; CRM_TEST_DATA may name its folder.")
        return path

    return find


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> ir.Table:
    """Orders of CDNOW's 2,357 sampled customers; see cdnow.py for where they come from."""
    text = cdnow_text(tmp_path_factory.mktemp("cdnow"))
    if text is None:
        pytest.skip("CDNOW_sample.txt is not on this machine, and the package lifetimes cannot be fetched.")
    return cdnow_orders(text)
