"""What can happen to files: no room, no permission, damage, and readers at work all the while."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import visible, whole_seed
from faults_project import write_numbers
from notebook_maker import write_notebook

NOBODY = 65534
as_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounts and users need root")


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A disk of 2 MB of its own."""
    place = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, leave: int) -> None:
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(b"x" * max(0, free - leave))


@as_root
def test_a_full_disk_under_the_reports(loaded, crm, outcome, small_disk: Path) -> None:
    write_numbers(loaded)
    (loaded / "reports").symlink_to(small_disk, target_is_directory=True)
    assert crm("run", "tiny").code == 0
    for seed, leave in enumerate([0, 4_096, 20_480, 49_152, 81_920], start=1):
        before = visible(loaded)
        fill(small_disk, leave)
        ended = crm("run", "tiny", "--set", f"numbers.seed={seed}")
        assert ended.code == 5, ended.said
        assert "No space left on device" in ended.said
        assert "Traceback" not in ended.said
        assert visible(loaded) == before
        (small_disk / "ballast").unlink()
        ended = crm("run", "tiny", "--resume", "--set", f"numbers.seed={seed}")
        assert ended.code == 0, ended.said
        assert whole_seed(loaded) == seed
        remove_failed(loaded)
        outcome(
            f"full disk under reports/, {leave // 1024} KB free",
            1,
            "exit 5, old report whole; published with room",
        )


def remove_failed(root: Path) -> None:
    """Runs that failed, whose pages would fill a disk of 2 MB in time; all others have passed."""
    for run in (root / "reports" / "tiny" / ".runs").iterdir():
        status = json.loads((run / "run.json").read_text())["status"]
        assert status in ("passed", "failed")
        if status == "failed":
            shutil.rmtree(run)


@as_root
def test_a_full_disk_under_the_data(loaded, crm, outcome, small_disk: Path) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    shutil.copytree(loaded / "data", small_disk / "data")
    shutil.rmtree(loaded / "data")
    (loaded / "data").symlink_to(small_disk / "data", target_is_directory=True)
    before = visible(loaded)
    fill(small_disk, 8_192)
    coupons = loaded / "raw" / "coupons.parquet"
    pd.DataFrame({"coupon_upc": [5], "product_id": [1], "campaign_id": [1]}).to_parquet(coupons, index=False)
    ended = crm("run", "tiny")
    assert ended.code == 3, ended.said
    assert "The data of 'tiny' cannot be loaded: IO Error: Could not write file" in ended.said
    assert "No space left on device" in ended.said
    assert visible(loaded) == before
    (small_disk / "ballast").unlink()
    assert crm("run", "tiny").code == 0
    outcome("full disk under data/", 1, "exit 3, old snapshot whole; loaded and published with room")


@pytest.fixture
def open_to_all(loaded: Path) -> Iterator[Path]:
    """The project where another user may look for it."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        root = Path(place) / "project"
        shutil.copytree(loaded, root)
        yield root


LOCKED = [
    ("reports", 0o755, 5, "reports/tiny: Permission denied. Nothing was published. Let this user"),
    ("reports/tiny", 0o755, 5, "reports/tiny/.lock: Permission denied. Nothing was published."),
    ("raw/transactions.parquet", 0o600, 3, "transactions.parquet cannot be read: Permission denied."),
    ("studies/tiny.yaml", 0o600, 5, "studies/tiny.yaml: Permission denied. Nothing was published."),
    ("notebooks/01_numbers.ipynb", 0o600, 2, "01_numbers.ipynb cannot be read"),
]


@as_root
def test_no_permission(open_to_all: Path, crm, outcome) -> None:
    root = open_to_all
    write_numbers(root)
    for locked, mode, code, said in LOCKED:
        shutil.rmtree(root / "reports", ignore_errors=True)
        (root / ("reports" if locked == "reports" else "reports/tiny")).mkdir(parents=True)
        subprocess.run(["chown", "-R", str(NOBODY), root], check=True)
        before = (root / locked).stat().st_mode
        subprocess.run(["chown", "0:0", root / locked], check=True)
        (root / locked).chmod(mode)
        ended = crm("run", "tiny", root=root, user=NOBODY, HOME=str(root))
        assert ended.code == code, ended.said
        assert said in ended.said
        assert "Traceback" not in ended.said
        (root / locked).chmod(before)
        outcome(f"no permission: {locked}", 1, f"exit {code}, “{said}…”; published by one who may")
    assert crm("run", "tiny", root=root).code == 0  # as one who may


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def change_a_byte(path: Path) -> None:
    """Same size, other content, as a failing disk does it."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


DAMAGES = {
    "truncated": ("order_lines.parquet", cut),
    "changed, same size": ("order_lines.parquet", change_a_byte),
    "missing": ("customers.parquet", Path.unlink),
    "manifest truncated": ("snapshot.json", cut),
    "manifest missing": ("snapshot.json", Path.unlink),
}


def test_a_damaged_snapshot_is_found_and_loaded_anew(loaded, crm, outcome) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    snapshot = next((loaded / "data" / "snapshots" / "tiny").glob("[0-9a-f]*"))
    whole = {path.name: path.read_bytes() for path in snapshot.glob("*.parquet")}
    given = (loaded / "raw" / "transactions.parquet").read_bytes()
    for damage, (file, do) in DAMAGES.items():
        do(snapshot / file)
        ended = crm("run", "tiny", "--resume")  # what it loads is the same, so no notebook runs again
        assert ended.code == 0, ended.said
        assert {path.name: path.read_bytes() for path in snapshot.glob("*.parquet")} == whole
        report = visible(loaded)
        do(snapshot / file)
        (loaded / "raw" / "transactions.parquet").write_bytes(b"PAR1 no more")
        ended = crm("run", "tiny")
        assert ended.code == 3
        assert "transactions.parquet cannot be read: it is damaged, or no Parquet file." in ended.said
        assert {k: v for k, v in visible(loaded).items() if k.startswith("reports")} == {
            k: v for k, v in report.items() if k.startswith("reports")
        }
        (loaded / "raw" / "transactions.parquet").write_bytes(given)
        assert crm("load-data", "tiny").code == 0
        outcome(f"snapshot {damage}", 2, "loaded anew, byte for byte; exit 3 where the input is gone too")


def test_a_snapshot_damaged_during_the_run(loaded, crm, outcome) -> None:
    cell = 'path = run.snapshot.path("order_lines")\npath.write_bytes(path.read_bytes()[:-100])'
    write_notebook(loaded, 1, "vandal", cell)
    write_notebook(loaded, 2, "victim", 'run.table("order_lines").count().execute()')
    ended = crm("run", "tiny", "--jobs", "1")
    assert ended.code == 5
    assert "02_victim.ipynb, cell [3]: The snapshot " in ended.said
    assert "of 'tiny' is missing or damaged. Load it again: crm load-data tiny." in ended.said
    (loaded / "notebooks" / "01_vandal.ipynb").unlink()
    assert crm("run", "tiny").code == 0
    outcome("snapshot damaged during the run", 1, "exit 5, says how to load it; the next run does so itself")


def test_an_analyst_reads_all_the_while(loaded, crm, outcome) -> None:
    write_numbers(loaded)
    assert crm("run", "tiny").code == 0
    home, done, reads, wrong = loaded / "reports" / "tiny", threading.Event(), 0, []

    def read() -> None:
        nonlocal reads
        while not done.is_set():
            try:
                page = (home / "latest" / "index.html").read_text(encoding="utf-8")
                seeds = pd.read_parquet(home / "latest" / "tables" / "numbers_a.parquet")["seed"].unique()
                name = (loaded / "data" / "snapshots" / "tiny" / "CURRENT").read_text().strip()
                lines = pq.read_table(loaded / "data" / "snapshots" / "tiny" / name / "order_lines.parquet")
                if not (page.rstrip().endswith("</html>") and len(seeds) == 1 and lines.num_rows > 1000):
                    wrong.append("half")
            except Exception as error:  # whatever a reader sees is a finding
                wrong.append(repr(error))
            reads += 1

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for seed in range(1, 5):
            coupons = {"coupon_upc": [seed], "product_id": [1], "campaign_id": [1]}
            pd.DataFrame(coupons).to_parquet(loaded / "raw" / "coupons.parquet", index=False)
            assert crm("run", "tiny", "--set", f"numbers.seed={seed}").code == 0
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert reads > 20
    outcome("readers at work while reports are replaced", reads, "no read failed or was half")


def test_another_kernel_named_python3_is_not_used(loaded, crm, outcome, tmp_path: Path) -> None:
    write_numbers(loaded)
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    spec = spec / "kernel.json"
    spec.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "Wrong", "language": "python"}))
    ended = crm("run", "tiny", JUPYTER_PATH=str(tmp_path / "jupyter"))
    assert ended.code == 0, ended.said
    outcome("a kernelspec python3 that shadows ours", 1, "not used; published")


HOSTILE = [
    '"; import os; os._exit(3) #', "'''\nraise SystemExit\n'''", "\\", "\\'", "{run}", "%env X", "!id",
    "a\nb\r\nc\td", "</script><b>", "'; DROP TABLE orders; --", "\u202e한글\u0000\ud7ff", "__import__('os')",
]  # fmt: skip


def test_hostile_parameters(loaded, crm, outcome) -> None:
    write_notebook(loaded, 1, "numbers", 'run.record("texts", "|".join(map(ascii, texts)))',
                   parameters="texts: list[str] = []  # whatever people type\n")  # fmt: skip
    ended = crm("run", "tiny", "--set", f"numbers.texts={HOSTILE!r}")
    assert ended.code == 0, ended.said
    report = loaded / "reports" / "tiny" / "latest"
    numbers = json.loads((report / "results" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    assert numbers["texts"]["value"] == "|".join(map(ascii, HOSTILE))
    before = visible(loaded)
    names = ["a=1;__import__('os')", "texts;import os", "study", "as_of", "__builtins__", "", " ", "한글"]
    wrong = ["(" * 1000, "[" * 5000, "__import__('os').system('id')", "1e999", "9" * 5000, "{}", "None"]
    asked = [f"numbers.{name}=1" for name in names] + [f"numbers.texts={value}" for value in wrong]
    for text in [*asked, "ghost.x=1", "=", ".=", "numbers="]:
        ended = crm("run", "tiny", "--set", text)
        assert ended.code == 2, (text, ended.said)
        assert "Traceback" not in ended.said
    for study in ("../tiny", "/etc/passwd", "tiny;id", "", "tiny\n"):
        assert crm("run", study).code == 2
    assert visible(loaded) == before
    outcome("parameters with hostile values", len(HOSTILE), "arrive as they are, run nothing")
    outcome("hostile names, studies, malformed values", len(asked) + 9, "exit 2, nothing written")
