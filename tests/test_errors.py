from __future__ import annotations

import pytest

from crm_utils import errors
from crm_utils.errors import CrmError, DataError, LockedError, RunError, StudyError, known_names


def test_a_scheduler_can_tell_the_errors_apart() -> None:
    codes = {error: error.exit_code for error in (StudyError, DataError, LockedError, RunError)}
    assert codes == {StudyError: 2, DataError: 3, LockedError: 4, RunError: 5}


@pytest.mark.parametrize("error", [StudyError, DataError, LockedError, RunError])
def test_every_error_is_ours_and_tells_its_exit_code(error: type[CrmError]) -> None:
    assert issubclass(error, CrmError)
    assert f"(exit code {error.exit_code})" in str(error.__doc__)
    assert f"{error.exit_code}     :class:`{error.__name__}`" in str(errors.__doc__)


def test_a_near_name_is_found_whatever_its_case() -> None:
    assert known_names("CUSTOMERID", ["CustomerID", "Amount"]).startswith("Did you mean 'CustomerID'? ")
    assert known_names("amout", ["AMOUNT", "ACCOUNT"]).startswith("Did you mean 'AMOUNT'? ")


def test_nothing_is_guessed_from_nothing() -> None:
    assert known_names("x", ["order_id", "amount"]) == "It has: amount, order_id."
    assert known_names("x", [], label="There are") == "There are: nothing."


def test_names_may_be_anything_and_are_said_once() -> None:
    assert known_names(2017, [2018, 2016, "b", "b", None]).endswith("It has: 2016, 2018, None, b.")


def test_a_long_list_ends_with_how_many_more_there_are() -> None:
    names = [f"c{i:03}" for i in range(500)]
    said = known_names("c499x", names)
    assert said.startswith("Did you mean 'c499'? It has: c000, c001, ")
    assert said.endswith("c018, c019 and 480 more.")
    assert known_names("x", names[:20]).endswith("c018, c019.")
