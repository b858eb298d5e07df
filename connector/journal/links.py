"""Links: which Stripe object stands for which of our keys, and what was last applied to it.

A link is found by (connection, kind, key). Its `applied_hash` answers "did anything change?" without a call; its
`applied` parameters say what changed. A retired object keeps its link, marked, so that its id stays known.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, or_, select

from connector.journal.chapter import Chapter, columns_of, in_chunks, is_one_of, one_of, upserted
from connector.journal.tables import links


@dataclass(frozen=True, slots=True)
class Link:
    """One of our keys and the Stripe object behind it. Times are UTC."""

    connection: str
    kind: str
    key: str
    stripe_id: str
    applied_hash: str
    applied: Mapping[str, Any]
    contract_key: str
    account_key: str
    currency: str | None
    created_at: datetime
    updated_at: datetime
    retired_at: datetime | None


class Links(Chapter):
    """The chapter of links."""

    def link(self, connection: str, kind: str, key: str) -> Link | None:
        """Return the link of one object, retired or not."""
        with self._reading() as database:
            return read_link(database, connection, kind, key)

    def links(self, connection: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Link]:
        """Look up the links of many (kind, key) pairs at once; pairs without a link are absent."""
        wanted = set(keys)
        found: dict[tuple[str, str], Link] = {}
        with self._reading() as database:
            kinds = sorted({kind for kind, _ in wanted})
            for chunk in in_chunks(key for _, key in sorted(wanted)):
                named = {"connection": connection, "kinds": kinds, "wanted": chunk}
                for row in database.execute(_by_key(database.dialect.name), named).mappings():
                    found[row["kind"], row["key"]] = Link(**row)
        return {pair: link for pair, link in found.items() if pair in wanted}

    def contract_links(self, connection: str, contract_key: str) -> tuple[Link, ...]:
        """List every object of one contract, by kind and key."""
        return self._links(_OF_CONTRACT, {"connection": connection, "owner": contract_key})

    def account_links(self, connection: str, account_key: str) -> tuple[Link, ...]:
        """List every object of one customer, by kind and key."""
        return self._links(_OF_ACCOUNT, {"connection": connection, "owner": account_key})

    def links_mark(self, connection: str, contract_key: str, account_key: str) -> str:
        """Return a mark of all that is linked to a contract and to its customer; it changes when any of that does."""
        columns = (links.c.kind, links.c.key, links.c.stripe_id, links.c.applied_hash, links.c.currency)
        ours = or_(links.c.contract_key == contract_key, links.c.account_key == account_key)
        query = select(*columns, links.c.created_at, links.c.updated_at, links.c.retired_at)
        query = query.where(links.c.connection == connection, ours).order_by(links.c.kind, links.c.key)
        text = hashlib.sha256()
        with self._reading() as database:
            for row in database.execute(query):
                text.update(repr(tuple(row)).encode())
        return text.hexdigest()

    def kind_links(self, connection: str, kind: str, *, after: str = "", limit: int = 1_000) -> tuple[Link, ...]:
        """List a page of the objects of one kind, by key, behind the key `after`."""
        this = (links.c.connection == connection, links.c.kind == kind, links.c.key > after)
        with self._reading() as database:
            query = select(*columns_of(links, Link)).where(*this).order_by(links.c.key).limit(limit)
            return tuple(Link(**row) for row in database.execute(query).mappings())

    def stripe_links(self, connection: str, stripe_ids: Collection[str]) -> tuple[Link, ...]:
        """Look up the links behind Stripe ids, as they arrive in webhooks."""
        found: list[Link] = []
        with self._reading() as database:
            for chunk in in_chunks(stripe_ids):
                query = _select_links(links.c.connection == connection, is_one_of(database, links.c.stripe_id, chunk))
                found += [Link(**row) for row in database.execute(query).mappings()]
        return tuple(found)

    def save_link(
        self,
        connection: str,
        kind: str,
        key: str,
        *,
        stripe_id: str,
        applied_hash: str,
        applied: Mapping[str, Any],
        contract_key: str,
        account_key: str,
        now: datetime,
        currency: str | None = None,
    ) -> Link:
        """Link an object that was found or adopted, not written by an operation; replaces the link of the same key."""
        link = Link(
            connection=connection,
            kind=kind,
            key=key,
            stripe_id=stripe_id,
            applied_hash=applied_hash,
            applied=applied,
            contract_key=contract_key,
            account_key=account_key,
            currency=currency,
            created_at=now,
            updated_at=now,
            retired_at=None,
        )
        with self._writing() as database:
            return write_link(database, link)

    def forget_link(self, connection: str, kind: str, key: str) -> bool:
        """Drop a link, as when the object turns out to be gone at Stripe. False if there was none."""
        gone = links.delete().where(links.c.connection == connection, links.c.kind == kind, links.c.key == key)
        with self._writing() as database:
            return database.execute(gone).rowcount == 1

    def _links(self, query: Any, named: Mapping[str, str]) -> tuple[Link, ...]:
        with self._reading() as database:
            found = [Link(**row) for row in database.execute(query, named).mappings()]
        return tuple(sorted(found, key=lambda link: (link.kind, link.key)))


def read_link(database: Connection, connection: str, kind: str, key: str) -> Link | None:
    """Read one link inside a caller's transaction."""
    row = database.execute(_ONE, {"connection": connection, "kind": kind, "key": key}).mappings().one_or_none()
    return None if row is None else Link(**row)


def write_link(database: Connection, link: Link) -> Link:
    """Upsert a link inside a caller's transaction and return it as stored: `created_at` of an older one is kept."""
    values = {name: getattr(link, name) for name in Link.__dataclass_fields__}
    return Link(**upserted(database, links, values, keep=("created_at",)))


def _select_links(*conditions: ColumnElement[bool]) -> Any:
    """Select whole links, in no order: asked for one, SQLite would read all of a connection to save itself sorting."""
    return select(*columns_of(links, Link)).where(*conditions)


@cache
def _by_key(dialect: str) -> Any:
    """Return the statement for many keys; with the kinds, so that each key is looked up in the primary key's index."""
    kinds = one_of(dialect, links.c.kind, "kinds")
    return _select_links(_OF_CONNECTION, kinds, one_of(dialect, links.c.key))


# Built once, since every contract asks: building a statement costs more than running it.
_OF_CONNECTION = links.c.connection == bindparam("connection")
_OF_CONTRACT = _select_links(_OF_CONNECTION, links.c.contract_key == bindparam("owner"))
_OF_ACCOUNT = _select_links(_OF_CONNECTION, links.c.account_key == bindparam("owner"))
_ONE = _select_links(_OF_CONNECTION, links.c.kind == bindparam("kind"), links.c.key == bindparam("key"))
