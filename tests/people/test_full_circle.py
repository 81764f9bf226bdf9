"""From the list to the verdict: planned, handed over, reported, loaded, judged; with everything real."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
from pathlib import Path

import pandas as pd
import pytest
from circle_shop import EFFECT, MARGIN, later_orders, report_of, write_circle_shop

from crm_utils import engine, loading
from crm_utils.command.sending import in_a_form, only_under_rules, what_came_back
from crm_utils.errors import DataError, StudyError
from crm_utils.features import all_messages
from crm_utils.loading.responses import read_back
from crm_utils.methods import campaign_targeting as ct
from crm_utils.methods.ab_test import judge_scenarios, orders_with_margin
from crm_utils.people import ledger, responses
from crm_utils.people.handing_over import HandedOver, hand_over
from crm_utils.people.pseudonyms import KEY_NAME
from crm_utils.study import read_study
from crm_utils.study.scenarios import read_automation
from crm_utils.tables import orders

DAY = dt.date(2024, 2, 29)
NOW = dt.datetime(2024, 3, 1)


class Shop:
    """One shop on its way round, step by step."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.study = read_study(root, "circle")
        self.snapshot, _ = loading.load(root, self.study)
        self.con = engine.connect()

    def table(self, name: str):
        return engine.read(self.con, self.snapshot.path(name))

    def plan(self, *, now: dt.datetime = NOW, effects: pd.DataFrame | None = None) -> ct.Plan:
        automation = read_automation(self.root, self.study)
        handed = responses.messages(self.root, "circle", before=now.date() - dt.timedelta(days=1), end=now)
        tables = {
            "orders": orders(self.table("order_lines")), "consents": self.table("consents"),
            "messages": all_messages(None, self.con.create_table("handed", handed, overwrite=True)),
        }  # fmt: skip
        until = now + dt.timedelta(days=1)
        return ct.make_plan(automation.scenarios, tables, automation.rules, study="circle", now=now,
        until=until,
                            effects=effects)  # fmt: skip

    def export(self, plan: ct.Plan, form: str = "sms") -> HandedOver:
        path = self.root / "contact_list.parquet"
        plan.rows.to_parquet(path, index=False)
        return hand_over(
            self.root, self.study, read_automation(self.root, self.study), path, snapshot=self.snapshot.id,
            day=DAY, form=form, own_ids=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("circle") / "project"
    write_circle_shop(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY_NAME, "k" * 32)
        loading.load(root, read_study(root, "circle"))
    return root


@pytest.fixture
def shop(loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """As it was loaded, with nothing handed over yet."""
    monkeypatch.setenv(KEY_NAME, "k" * 32)
    shutil.copytree(loaded, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path)


def test_a_list_goes_out_comes_back_and_is_judged(shop: Shop) -> None:
    plan = shop.plan()
    assert int(plan.waterfall["no_consent"].sum()) == 60
    done = shop.export(plan)
    assert done.sent + done.held_out == 540
    assert abs(done.held_out / 540 - (1 - 0.98 * 0.6)) < 0.07
    (file,) = done.files
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open(encoding="utf-8") as opened:
        first = next(csv.DictReader(opened))
    assert first["content"].startswith("(광고)김")
    assert first["content"].endswith("무료거부 080-123-4567")

    reached = report_of(file, shop.root / "result.csv")
    counted = read_back(shop.root, shop.study, shop.root / "result.csv", provider="sms")
    assert counted.rows == done.sent + 3
    left = {"fallback": 0, "unmatched": 1, "repeated": 1, "unreadable": 0}
    assert counted.states == {"matched": done.sent + 1, **left}
    assert counted.unknown_codes == {"7777": 1}
    assert counted.sent_although_held_out == 0

    later_orders(shop.root, reached)
    later = Shop(shop.root)
    until = {"before": dt.date(2024, 3, 20), "end": dt.datetime(2024, 3, 21)}
    handed = responses.messages(shop.root, "circle", **until)
    assert handed.num_rows == 540
    heard = all_messages(None, later.con.create_table("heard", handed))
    priced = orders_with_margin(later.table("order_lines"), later.table("products"))
    as_of = dt.date(2024, 3, 20)
    results = judge_scenarios(heard, priced, horizons={"second": 14}, as_of=as_of)
    row = results.table.iloc[0]
    assert (row["sent"], row["held_out"], row["delivered"]) == (done.sent, done.held_out, len(reached))
    assert row["decision"] == "send"
    share = len(reached) / done.sent
    assert row["low"] < EFFECT * MARGIN * share - 12 < row["high"]  # a text message costs 12
    assert row["reached_low"] < EFFECT * MARGIN - 12 / share < row["reached_high"]
    assert row["delivered_only"] > row["effect"]

    worth = ct.verified(later.con.create_table("results", results.table))
    assert (
        ct.worth_by_scenario(plan.rows, read_automation(shop.root, shop.study).scenarios, None)["expected"]
        .isna()
        .all()
    )
    again = later.plan(now=NOW, effects=worth)
    assert (again.rows["expected_margin"] == row["effect"]).all()


def test_before_the_horizon_is_over_nothing_is_judged(shop: Shop) -> None:
    shop.export(shop.plan())
    until = {"before": dt.date(2024, 3, 10), "end": dt.datetime(2024, 3, 10)}
    handed = responses.messages(shop.root, "circle", **until)
    heard = all_messages(None, shop.con.create_table("heard", handed))
    priced = orders_with_margin(shop.table("order_lines"), shop.table("products"))
    row = judge_scenarios(heard, priced, horizons={"second": 14}, as_of=dt.date(2024, 3, 9)).table.iloc[0]
    assert (row["decision"], row["judged_on"]) == ("wait", pd.Timestamp("2024-03-15"))
    assert pd.isna(row["effect"])


def test_who_bought_or_withdrew_since_the_plan_is_left_out_of_both_groups(shop: Shop) -> None:
    plan = shop.plan()
    with (shop.root / "raw" / "orders2.csv").open("w", encoding="utf-8") as file:
        file.write("order,account,product,at,pieces,amount\n")
        file.writelines(f"n{n},a{n},p,2024-02-29 18:00:00,1,100\n" for n in range(1, 9))
    with (shop.root / "raw" / "consents.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"a{n},sms,no,2024-02-29 18:00:00\n" for n in range(11, 16))
    planned_from = shop.snapshot
    later = Shop(shop.root)
    later.snapshot = planned_from
    done = later.export(plan)
    assert done.dropped == {"exit": 8, "no_consent": 5}
    assert done.sent + done.held_out == 540 - 13
    assert ledger.whole(shop.root, "circle").num_rows == 540 - 13


def test_a_plan_for_days_before_its_rules_hold_is_refused(shop: Shop) -> None:
    plan, rules = shop.plan(), shop.root / "rules" / "kr.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("valid_from: 2024-01-01", "valid_from: 2024-03-02"), encoding="utf-8")
    said = "rules/kr.yaml holds from 2024-03-02; this plan is for 2024-03-01. Nothing is handed over: plan"
    with pytest.raises(DataError, match=said):
        shop.export(plan)
    path = shop.root / "contact_list.parquet"
    with pytest.raises(DataError, match=said):
        only_under_rules(shop.root, "circle", path)
    assert not list((shop.root / "private" / "circle").glob("exports/*"))
    assert not ledger.files(shop.root, "circle")
    rules.write_text(text.replace("valid_from: 2024-01-01", "valid_from: 2024-03-01"), encoding="utf-8")
    only_under_rules(shop.root, "circle", path)
    assert shop.export(plan).sent  # the first day on which they hold


def test_nobody_gets_a_message_twice_in_two_forms_and_the_same_form_replaces(shop: Shop) -> None:
    plan = shop.plan()
    first = shop.export(plan)
    assert shop.export(plan).sent == first.sent
    assert ledger.whole(shop.root, "circle").num_rows == 540
    ledger.remember_rows(shop.root, "circle", plan.rows, day=DAY, handed_to="other")
    with pytest.raises(
        DataError, match="handed over in another form already. Where that was never sent, remove"
    ):
        shop.export(plan)


def test_results_that_name_only_the_number_are_matched_by_it(shop: Shop) -> None:
    done = shop.export(shop.plan())
    with done.files[0].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    scenarios = shop.root / "studies" / "circle.scenarios.yaml"
    text = scenarios.read_text(encoding="utf-8").replace("message_id: message_id", "to: number")
    scenarios.write_text(text, encoding="utf-8")
    lines = [f"+82 10-{r['to'][3:7]}-{r['to'][7:]},2024-03-01 10:00:09,1000" for r in rows[:7]]
    lines += ["010-9999-9999,2024-03-01 10:00:09,1000", f"{rows[8]['to']},2024-03-01 09:00:00,1000"]
    result = shop.root / "result.csv"
    result.write_text("\n".join(["number,received,code", *lines]) + "\n", encoding="utf-8")
    counted = read_back(shop.root, shop.study, result, provider="sms")
    assert (counted.states["matched"], counted.states["unmatched"]) == (7, 2)  # and one before it was sent
    until = {"before": dt.date(2024, 3, 10), "end": dt.datetime(2024, 3, 10)}
    handed = responses.messages(shop.root, "circle", **until).to_pandas()
    assert set(handed.loc[handed["delivered_at"].notna(), "message_id"]) == {
        r["message_id"] for r in rows[:7]
    }


def test_a_message_sent_in_place_of_another_is_the_same_customers(shop: Shop) -> None:
    shop.export(shop.plan())
    first = ledger.whole(shop.root, "circle").to_pandas().iloc[0]
    rows = pd.DataFrame({"message_id": ["x1", "x1"], "fallback_of": first["message_id"], "channel": "lms"})
    rows = rows.assign(**dict.fromkeys(responses.TIMES, pd.NaT), problem=None, raw="", unknown_code=False)
    rows = rows.assign(failed_reason=["off", None])
    rows["delivered_at"] = [pd.NaT, pd.Timestamp("2024-03-01 10:05")]
    assert responses.keep(shop.root, "circle", "f", rows).states["fallback"] == 2
    known = {"before": dt.date(2024, 3, 10), "end": dt.datetime(2024, 3, 10)}
    handed = responses.messages(shop.root, "circle", **known).to_pandas().set_index("message_id")
    assert len(handed) == 541
    assert handed.loc["x1", ["customer_id", "channel", "fallback_of"]].tolist() == [
        first["customer_id"], "lms", first["message_id"]
    ]  # fmt: skip
    assert pd.isna(handed.loc["x1", "failed_reason"])  # the first report was not the last word
    earlier = responses.messages(
        shop.root, "circle", before=dt.date(2024, 3, 10), end=dt.datetime(2024, 3, 1, 10)
    )
    assert earlier.to_pandas()["delivered_at"].isna().all()  # what lies later has not happened


def test_the_commands_say_what_left_and_what_came_back(shop: Shop) -> None:
    path = shop.root / "contact_list.parquet"
    plan = shop.plan()
    plan.rows.to_parquet(path, index=False)
    with (shop.root / "raw" / "orders2.csv").open("w", encoding="utf-8") as file:
        file.write("order,account,product,at,pieces,amount\n")
        file.writelines(f"n{n},a{n},p,2024-02-29 18:00:00,1,100\n" for n in range(1, 9))
    loading.load(shop.root, shop.study)
    given = {"snapshot": shop.snapshot.id, "day": DAY, "own_ids": False, "channel": ""}
    out, said = len(plan.rows) - 8, list(in_a_form(shop.root, "circle", path, form="sms", **given))
    rows = ledger.whole(shop.root, "circle").to_pandas()
    held = int(rows["held_out"].sum())
    assert said[0] == f"Written for sms: messages {out - held}, files 1"
    assert said[2:] == [
        f"Held out at random: customers {held}. Both are remembered.",
        "Left out since the plan: 8, who had done it meanwhile",
    ]
    wrong = rows.loc[rows["held_out"], "message_id"].iloc[0]
    result = shop.root / "result.csv"
    result.write_text(f"message_id,received,code\n{wrong},2024-03-01 10:00:09,1000\n", encoding="utf-8")
    came = list(what_came_back(shop.root, shop.study, result, provider="sms"))
    assert came[:2] == ["Rows of result.csv: 1", "  of messages that were handed over: 1"]
    assert came[2].endswith("Customers held out who got a message: 1")


def test_what_a_form_lacks_is_said(shop: Shop) -> None:
    plan = shop.plan()
    with pytest.raises(StudyError, match="There is no form 'smss'. Did you mean"):
        shop.export(plan, "smss")
    with pytest.raises(StudyError, match="sens needs plus_friend_id: write them under 'providers"):
        shop.export(plan, "sens")
    with pytest.raises(StudyError, match="says under 'responses' nothing of 'nhn'"):
        read_back(shop.root, shop.study, shop.root / "raw" / "orders.csv", provider="nhn")
    with pytest.raises(DataError, match="There is no file"):
        read_back(shop.root, shop.study, shop.root / "none.csv", provider="sms")
