"""Who was assigned to which arm, and since when? One row a customer; whoever was in two arms is set aside.

Effects are of those *assigned* (intention to treat): leaving out customers whom the treatment did not reach
would compare people who differ before anything was done.
"""

from __future__ import annotations

import ibis.expr.types as ir

from crm_utils.errors import DataError, known_names
from crm_utils.experiments import Experiment

__all__ = ["assigned", "check_assigned", "held_out_assignments", "one_arm_each"]


def assigned(assignments: ir.Table) -> ir.Table:
    """Bring repeated assignments to a row a customer and experiment.

    Parameters
    ----------
    assignments
        The canonical table: ``experiment_id``, ``customer_id``, ``arm``, ``assigned_at``.

    Returns
    -------
    ibis.expr.types.Table
        ``experiment_id``, ``customer_id``, ``arm`` (of several, the first by name), ``assigned_at`` (the
        earliest), ``arms`` (how many different ones), ``rows`` (how often it was written).

    Examples
    --------
    >>> import ibis
    >>> rows = {"experiment_id": ["x"] * 3, "customer_id": ["ann", "ann", "bob"], "arm": ["a", "b", "a"],
    ...         "assigned_at": ["2025-09-01"] * 3}
    >>> found = assigned(ibis.memtable(rows).cast({"assigned_at": "timestamp"})).order_by("customer_id")
    >>> found.arms.to_pyarrow().to_pylist()
    [2, 1]
    """
    t = assignments
    return t.group_by("experiment_id", "customer_id").aggregate(
        arm=t.arm.min(), assigned_at=t.assigned_at.min(), arms=t.arm.nunique(), rows=t.count()
    )


def one_arm_each(customers: ir.Table) -> ir.Table:
    """Customers who were in one arm only, of :func:`assigned`: ``experiment_id`` to ``assigned_at``."""
    return customers.filter(customers.arms == 1).select("experiment_id", "customer_id", "arm", "assigned_at")


def held_out_assignments(messages: ir.Table) -> ir.Table:
    """Read a campaign's messages as an experiment: who was sent one, and who was held out at random.

    Parameters
    ----------
    messages
        The canonical table; rows without a campaign are left out.

    Returns
    -------
    ibis.expr.types.Table
        As ``assignments``: ``experiment_id`` is the campaign, ``arm`` is ``sent`` or ``held_out``,
        ``assigned_at`` the customer's message.
    """
    known = messages.filter(messages.campaign_id.notnull())
    return known.select(
        "customer_id",
        experiment_id=known.campaign_id,
        arm=known.held_out.ifelse("held_out", "sent"),
        assigned_at=known.sent_at,
    )


def check_assigned(experiment: Experiment, arms: list[str]) -> None:
    """See that the arms in the data are those declared.

    Raises
    ------
    DataError
        An arm in the data is not declared.
    """
    for arm in sorted(set(arms) - set(experiment.arms)):
        known = known_names(arm, experiment.arms, label="The study declares")
        raise DataError(f"Experiment '{experiment.id}' has customers in an arm '{arm}'. {known}")
