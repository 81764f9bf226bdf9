"""Who is one person? Ids that were seen together, joined transitively into one customer_id.

A web account, a loyalty card and a guest's e-mail are one person when rows show them together: the
connected components of a graph whose nodes are hashed keys and whose links are rows. Never by name: two
people share one easily. A key that meets too many others of a kind (a shop's own phone number, a till's
card) is nobody's, and joins nobody.

Source: least labels passed along links, with the shortcut of Liu and Tarjan, *Simple Concurrent Labeling
Algorithms for Connected Components*, SOSA 2019 (their algorithm E): about log² n rounds, each a join.
"""

from __future__ import annotations

import functools

import ibis
import ibis.expr.types as ir

from crm_utils.engine import checkpoint
from crm_utils.errors import DataError, known_names

__all__ = ["connected", "join_people", "merges", "shared_keys"]


def connected(links: ir.Table) -> ir.Table:
    """Who belongs together, transitively: every member of a group gets its least member's number.

    Parameters
    ----------
    links
        Ibis table with integer columns ``one`` and ``other``: the two belong together.

    Returns
    -------
    ibis Table
        member, group (the least member of its group); a row for each number in ``links``.

    Notes
    -----
    Each round gives both ends of a link, and what they pointed to, the lesser of the two labels; then each
    label is replaced by its label. It ends when nothing changes: then the ends of every link agree, and
    labels never leave a group, so the label is the group's least member.

    Examples
    --------
    >>> import pandas as pd
    >>> links = ibis.memtable(pd.DataFrame({"one": [2, 3, 9], "other": [1, 2, 8]}))
    >>> connected(links).order_by("member").execute().values.tolist()
    [[1, 1], [2, 1], [3, 1], [8, 8], [9, 8]]
    """
    links = checkpoint(links.select("one", "other").distinct())
    members = links.select(member="one").union(links.select(member="other"), distinct=True)
    labels = checkpoint(members.mutate(group="member"))
    while True:
        better = checkpoint(_round(links, labels))
        moved = labels.join(better, "member").filter(ibis._.group != ibis._.group_right).count()
        labels = better
        if not moved.execute():
            return labels


def _round(links: ir.Table, labels: ir.Table) -> ir.Table:
    of_one = labels.select(one="member", one_group="group")
    of_other = labels.select(other="member", other_group="group")
    ends = links.join(of_one, "one").join(of_other, "other")
    ends = ends.mutate(least=ibis.least(ends.one_group, ends.other_group))
    offers = [ends.select(member=end, offer="least") for end in ("one", "other", "one_group", "other_group")]
    best = functools.reduce(ir.Table.union, offers).group_by("member").agg(offer=ibis._.offer.min())
    lower = labels.join(best, "member").select("member", group=ibis.least(ibis._.group, ibis._.offer))
    lower = checkpoint(lower)
    of_group = lower.view()
    return lower.join(of_group, lower.group == of_group.member).select("member", group=of_group.group)


def shared_keys(sightings: ir.Table, *, most: int) -> ir.Table:
    """Keys that are nobody's: those seen together with more than ``most`` others of one kind.

    Parameters
    ----------
    sightings
        Ibis table with a text column for each kind of key; the non-null keys of a row were seen together.
    most
        How many accounts (or cards, or e-mails …) one key may meet.

    Returns
    -------
    ibis Table
        kind, key, meets (the most others of one kind that it was seen with), for the keys above ``most``.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"account": ["a1", "a2", "a3"], "phone": ["p", "p", "q"]})
    >>> shared_keys(ibis.memtable(seen), most=1).execute().values.tolist()
    [['phone', 'p', 2]]
    """
    kinds = sightings.columns
    pairs = [
        sightings.filter(sightings[kind].notnull() & sightings[other].notnull()).select(
            kind=ibis.literal(kind), key=kind, other=ibis.literal(other), met=other
        )
        for kind in kinds
        for other in kinds
        if kind != other
    ]
    if not pairs:
        return _none(sightings)
    met = functools.reduce(ir.Table.union, pairs)
    each = met.group_by("kind", "key", "other").agg(meets=met.met.nunique())
    worst = each.group_by("kind", "key").agg(meets=each.meets.max())
    return worst.filter(worst.meets > most)


def join_people(sightings: ir.Table, *, most: int) -> ir.Table:
    """One customer_id for the keys of one person.

    Parameters
    ----------
    sightings
        Ibis table with a text column for each kind of key, the kind that names a person best first; the
        non-null keys of a row were seen together.
    most
        A key that meets more others of one kind joins nobody (see :func:`shared_keys`).

    Returns
    -------
    ibis Table
        kind, key, customer_id: the person's least key of the best kind that they have, so that a new
        e-mail never renames somebody with an account. Null for keys that are nobody's.

    Raises
    ------
    DataError
        A column holds something other than text.

    Examples
    --------
    >>> import pandas as pd
    >>> seen = pd.DataFrame({"account": ["a1", None], "card": ["c", "c"], "email": [None, "e"]})
    >>> people = join_people(ibis.memtable(seen), most=10)
    >>> people.order_by("kind").execute().values.tolist()
    [['account', 'a1', 'a1'], ['card', 'c', 'a1'], ['email', 'e', 'a1']]
    """
    kinds = sightings.columns
    for kind in kinds:
        if not sightings[kind].type().is_string():
            there = [k for k in kinds if sightings[k].type().is_string()]
            raise DataError(
                f"Keys of kind '{kind}' are not text. {known_names(kind, there, label='Text are')}"
            )
    sightings = checkpoint(sightings.distinct())
    keys = _numbered(sightings)
    shared = shared_keys(sightings, most=most).select("kind", "key")
    shared = checkpoint(shared)
    own = checkpoint(keys.anti_join(shared, ["kind", "key"]))
    groups = connected(_links(sightings, own))
    placed = own.left_join(groups, own.number == groups.member)
    placed = checkpoint(placed.select("kind", "key", least=ibis.coalesce(groups.group, own.number)))
    least = own.view()
    people = placed.join(least, placed.least == least.number).select("kind", "key", customer_id=least.key)
    return people.union(shared.mutate(customer_id=ibis.null("string")))


def _numbered(sightings: ir.Table) -> ir.Table:
    """Every key once, numbered: keys of a better kind first. Joins of integers take a quarter of the time."""
    parts = [
        sightings.filter(sightings[kind].notnull())
        .select(rank=ibis.literal(rank, "int64"), kind=ibis.literal(kind), key=kind)
        .distinct()
        for rank, kind in enumerate(sightings.columns)
    ]
    keys = functools.reduce(ir.Table.union, parts)
    number = ibis.row_number().over(order_by=[keys.rank, keys.key]).cast("int64")
    return checkpoint(keys.select("kind", "key", number=number))


def _links(sightings: ir.Table, own: ir.Table) -> ir.Table:
    """From each row's first key that is somebody's to each of its others."""
    wide = sightings
    for kind in sightings.columns:
        numbers = own.filter(own.kind == kind).select(**{kind: "key", f"{kind}_number": "number"})
        wide = wide.left_join(numbers, kind).drop(f"{kind}_right")
    numbers = [wide[f"{kind}_number"] for kind in sightings.columns]
    first = ibis.coalesce(*numbers)
    parts = [wide.filter(n.notnull() & (n != first)).select(one=first, other=n) for n in numbers]
    return functools.reduce(ir.Table.union, parts)


def merges(people: ir.Table) -> ir.Table:
    """How many customers were joined from how many keys: the report that shows what joining did.

    Parameters
    ----------
    people
        Ibis table of :func:`join_people`.

    Returns
    -------
    ibis Table
        keys (of all kinds, of one customer), customers (how many have so many); in order of keys.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [["account", "a1", "a1"], ["email", "e", "a1"], ["email", "f", "f"], ["phone", "0", None]]
    >>> people = ibis.memtable(pd.DataFrame(rows, columns=["kind", "key", "customer_id"]))
    >>> merges(people).execute().values.tolist()
    [[1, 1], [2, 1]]
    """
    known = people.filter(people.customer_id.notnull())
    each = known.group_by("customer_id").agg(keys=known.count())
    return each.group_by("keys").agg(customers=each.count()).order_by("keys")


def _none(sightings: ir.Table) -> ir.Table:
    kind = sightings.columns[0]
    nothing = sightings.filter(ibis.literal(False))
    return nothing.select(kind=ibis.literal(kind), key=kind, meets=ibis.literal(0, "int64"))
