from __future__ import annotations

from pathlib import Path

import pytest
from tiny import ROOT, TINY

from crm_utils.errors import StudyError
from crm_utils.study import find_root, read_study, study_names


def refused(root: Path, text: str) -> str:
    (root / "studies" / "tiny.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as error:
        read_study(root, "tiny")
    return str(error.value)


def test_every_study_of_the_project_is_valid() -> None:
    assert "complete_journey" in study_names(ROOT)
    for name in study_names(ROOT):
        assert read_study(ROOT, name).name == name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title:", "titel:", "line 1: a study has no 'titel'. Did you mean 'title'?"),
        ("title: Tiny shop\n", "", "'title' is missing"),
        ("currency: USD", "currency: USD\ntexts: {hide: [K]}", "line 5: texts.hide.0:"),
        ("currency: USD", "currency: USD\ntexts: {hidden: [Kim]}", "Did you mean 'hide'?"),
        (
            "America/New_York",
            "America/New_Yrok",
            "line 3: timezone: 'America/New_Yrok' is not a time zone; did you mean America/New_York?",
        ),
        ("currency: USD", "currency: dollars", "line 4: currency:"),
        ("2017-12-31", "2017-02-29", "line 5: as_of: as_of '2017-02-29' is not a day"),
        (
            "history_starts: 2017-01-01",
            "history_starts: 2017-13-01",
            "line 6: history_starts: not a day; write YYYY-MM-DD",
        ),
        ("currency: USD", "currency: USD\ncurrency: KRW", "line 5: 'currency' stands twice"),
        ("title: Tiny shop", "title: [", "line"),
        ("{kind: complete_journey, folder: raw}", "{folder: raw}", "line 2: source has no 'kind'"),
        ("title: Tiny shop", "name: tiny\ntitle: Tiny shop", "'name' is not written in a study"),
        ("currency: USD", "no: USD", "line 4: YAML reads 'no' as bool, not as text; put it in quotes."),
        ("currency: USD", "On: USD", "line 4: YAML reads 'On' as bool, not as text; put it in quotes."),
        ("currency: USD", "2017: USD", "line 4: YAML reads '2017' as int, not as text; put it in quotes."),
        ("currency: USD", "~: USD", "line 4: YAML reads '~' as null, not as text; put it in quotes."),
        ("currency: USD", "'no': USD", "line 4: a study has no 'no'."),
        ("folder: raw", "no: raw", "line 2: YAML reads 'no' as bool"),
        (
            "title: Tiny shop",
            "notebooks: {no: {seed: 1}}\ntitle: Tiny shop",
            "line 1: YAML reads 'no' as bool",
        ),
        ("title: Tiny shop", "notebooks: {churn: {1: 1}}\ntitle: Tiny shop", "line 1: YAML reads '1' as int"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(project: Path, old: str, new: str, said: str) -> None:
    assert old in TINY
    text = refused(project, TINY.replace(old, new))
    assert said in text
    assert "studies/tiny.yaml" in text
    assert "\n" not in text


def test_an_empty_or_foreign_file_is_refused(project: Path) -> None:
    assert "is not a study" in refused(project, "")
    assert "is not a study" in refused(project, "- a\n- b\n")
    (project / "studies" / "tiny.yaml").write_bytes("title: 가게".encode("cp949"))
    with pytest.raises(StudyError, match="not UTF-8"):
        read_study(project, "tiny")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a\x07b", ", line 7: YAML allows no character 0x7."),
        ("!!map foo", ", line 7: expected a mapping node, but found scalar."),
        ("!!int foo", ", line 7: YAML cannot read this as int."),
        ('!!int ""', ", line 7: YAML cannot read this as int."),
        ('!!float ""', ", line 7: YAML cannot read this as float."),
        ("!!timestamp foo", ", line 7: YAML cannot read this as timestamp."),
        (".nan", ", line 7: .nan is no number that a study can use; write one, or leave the line out."),
        ("!!bool foo", ", line 7: YAML cannot read this as bool."),
        ("!!timestamp 2017-99-99", ", line 7: YAML cannot read this as timestamp."),
        ("1" * 5000, ", line 7: YAML cannot read this as int."),
        ("[" * 3000, " is nested too deeply to be read. Write it with fewer brackets."),
        ("[" * 3000 + "]" * 3000, " is nested too deeply to be read. Write it with fewer brackets."),
    ],
    ids=[
        "control",
        "map",
        "int",
        "empty int",
        "empty float",
        "no time",
        "nan",
        "bool",
        "time",
        "digits",
        "open",
        "deep",
    ],
)
def test_what_yaml_cannot_read_is_a_sentence_as_well(project: Path, value: str, said: str) -> None:
    assert refused(project, f"{TINY}x: {value}\n") == f"studies/tiny.yaml{said}"


def test_a_parameter_must_be_a_plain_value(project: Path) -> None:
    text = refused(project, TINY + "notebooks:\n  churn:\n    horizon: {days: 3}\n")
    assert "line 9: notebooks.churn.horizon" in text


def test_a_key_in_quotes_is_text(project: Path) -> None:
    text = TINY + "notebooks:\n  'no': {'on': 1}\n"
    (project / "studies" / "tiny.yaml").write_text(text, encoding="utf-8")
    assert read_study(project, "tiny").notebooks == {"no": {"on": 1}}


def test_an_unknown_study_names_those_there_are(project: Path) -> None:
    with pytest.raises(StudyError, match=r"No study 'tinny'. Did you mean 'tiny'\? There are: tiny."):
        read_study(project, "tinny")
    with pytest.raises(StudyError, match="is not a study's name"):
        read_study(project, "../secrets")


def test_the_root_is_the_nearest_folder_with_studies(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert find_root(project / "notebooks") == project.resolve()
    with pytest.raises(StudyError, match="No folder 'studies'"):
        find_root(tmp_path_factory.mktemp("elsewhere"))


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("{name: a, number: n.x, atleast: 1}", "line 9: a goal has no 'atleast'. Did you mean 'at_least'?"),
        ("{name: a, number: n.x}", "line 9: goals.1: a goal has either at_least or at_most"),
        ("{name: a, number: n.x, at_least: 1, at_most: 2}", "a goal has either at_least or at_most"),
        ("{name: a, number: x, at_least: 1}", "line 9: goals.1.number"),
    ],
)
def test_a_goal_is_checked_with_its_line(project: Path, goal: str, said: str) -> None:
    good = "{name: b, number: n.y, at_most: 2}"
    assert said in refused(project, TINY + f"goals:\n  - {good}\n  - {goal}\n")
