"""Does Babel find every word? In modules, templates and notebooks, as ``babel.cfg`` says."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from tiny import ROOT

pytest.importorskip("babel")


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("messages") / "messages.pot"
    command = [
        sys.executable,
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-F",
        "babel.cfg",
        "-k",
        "N_",
    ]
    subprocess.run([*command, "--no-wrap", "-o", str(path), "."], cwd=ROOT, check=True)
    return path.read_text(encoding="utf-8")


def test_words_of_modules_templates_and_notebooks_are_found(messages: str) -> None:
    for words in ("Do today", "Data complete to {day}: {rows} rows read, none set aside.", "January"):
        assert f'msgid "{words}"' in messages
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        question = "".join(cells[0]["source"]).partition("\n")[0].removeprefix("# ")
        assert f'msgid "{question}"' in messages


def test_every_word_of_a_template_is_marked() -> None:
    """Text between tags that holds letters stands within a call, a comment or a statement."""
    for path in sorted((ROOT / "crm_utils" / "reports" / "templates").glob("*.j2")):
        source = path.read_text(encoding="utf-8")
        bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", "", source, flags=re.DOTALL)
        texts = re.findall(r">([^<>]*)<", bare.replace("&nbsp;", " "))
        assert [t.strip() for t in texts if re.search(r"[A-Za-z]{2}", t)] == [], path.name
