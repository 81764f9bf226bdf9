"""What docs/campaigns.md shows is valid as it stands there, and all that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from tiny import ROOT

from crm_utils.errors import StudyError
from crm_utils.methods.campaign_targeting import Rules
from crm_utils.people.forms import FORMS
from crm_utils.sources.files.options import FileTable
from crm_utils.study import read_study, study_names
from crm_utils.study.scenarios import read_automation, read_responses

PAGE = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")
BLOCKS = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
STUDY = "title: S\nsource: {kind: files}\ntimezone: Asia/Seoul\ncurrency: KRW\nhistory_starts: 2024-01-01\n"


def project(root: Path, scenarios: dict) -> Path:
    (root / "studies").mkdir()
    (root / "rules").mkdir()
    for file in (ROOT / "rules").glob("*.yaml"):
        (root / "rules" / file.name).write_bytes(file.read_bytes())
    (root / "studies" / "shop.yaml").write_text(STUDY, encoding="utf-8")
    text = yaml.safe_dump(scenarios, allow_unicode=True)
    (root / "studies" / "shop.scenarios.yaml").write_text(text, encoding="utf-8")
    return root


def test_the_pages_file_is_read_with_its_providers_and_results(tmp_path: Path) -> None:
    whole = {
        key: value for block in BLOCKS for key, value in block.items() if key not in ("reviewed", "mark")
    }
    root = project(tmp_path, whole)
    automation = read_automation(root, read_study(root, "shop"))
    assert [one.id for one in automation.scenarios] == ["after_first"]
    assert automation.providers == {"sms": {"from": "0212345678"}}
    sections, _, _ = read_responses(root, "shop")
    FileTable.model_validate({"files": "x.csv", **sections["sms"]})
    assert study_names(root) == ["shop"]


def test_the_pages_rules_are_valid() -> None:
    kr = yaml.safe_load((ROOT / "rules" / "kr.yaml").read_text(encoding="utf-8"))
    said = next(block for block in BLOCKS if "mark" in block)
    kr["valid_from"], said["reviewed"]["day"] = str(kr["valid_from"]), str(said["reviewed"]["day"])
    assert Rules(**{**kr, **said}).mark.number == "080-123-4567"


def test_every_form_is_on_the_page() -> None:
    assert [name for name in FORMS if f"`{name}`" not in PAGE] == []


def test_advertising_on_a_channel_for_information_is_refused(tmp_path: Path) -> None:
    scenario = {
        "id": "cart_1h", "title": "Cart", "class": "advertising", "anchor": {"event": "cart"},
        "channels": ["alimtalk"],
    }  # fmt: skip
    root = project(tmp_path, {"scenarios": [scenario]})
    said = "cart_1h asks for alimtalk, which is for information only; its class is advertising."
    with pytest.raises(StudyError, match=said):
        read_automation(root, read_study(root, "shop"))
