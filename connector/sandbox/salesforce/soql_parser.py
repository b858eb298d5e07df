"""SOQL text to its parts, by recursive descent after the vendor's SELECT syntax page.

Keywords are told by place, since ``Order``, ``Group`` and ``User`` are objects too. What is not understood is refused
with MALFORMED_QUERY, never skipped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from connector.sandbox.salesforce.clock import format_moment, parse_moment
from connector.sandbox.salesforce.errors import ApiError
from connector.sandbox.salesforce.soql_ast import (
    Aggregate,
    AllFields,
    Compare,
    Condition,
    Junction,
    Literal,
    Member,
    Not,
    Ordering,
    Path,
    Query,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<symbol>!=|<>|<=|>=|[=<>(),.:])
    | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
_COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_PERIOD = re.compile(
    r"TODAY|YESTERDAY|TOMORROW|(?:LAST|THIS|NEXT)_(?:WEEK|MONTH|QUARTER|YEAR)|LAST_90_DAYS|NEXT_90_DAYS"
    r"|(?:LAST|NEXT)_N_(?:DAYS|WEEKS|MONTHS|QUARTERS|YEARS)"
)
MAX_STATEMENT = 100_000


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text and its offset."""

    kind: str
    text: str
    at: int


def parse(text: str) -> Query:
    """Parse a whole statement."""
    if len(text) > MAX_STATEMENT:
        raise ApiError("MALFORMED_QUERY", f"SOQL statement is longer than {MAX_STATEMENT} characters")
    return _Parser(text).statement()


def _tokens(text: str) -> list[Token]:
    tokens, position = [], 0
    while True:
        found = _TOKEN.match(text, position)
        if found is None or found.lastgroup is None:
            rest = text[position:].lstrip()[:1]
            raise ApiError("MALFORMED_QUERY", f"line 1:{position} no viable alternative at character '{rest}'")
        kind = found.lastgroup
        tokens.append(Token(kind, found.group(kind), found.start(kind)))
        if kind == "end":
            return tokens
        position = found.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.position = 0

    # --- words -----------------------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def refuse(self, token: Token | None = None) -> ApiError:
        token = token or self.next
        what = f"unexpected token: '{token.text}'" if token.kind != "end" else "unexpected end of query"
        return ApiError("MALFORMED_QUERY", f"{what} at column {token.at + 1}")

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these keywords or symbols."""
        ahead = self.tokens[self.position : self.position + len(words)]
        return len(ahead) == len(words) and all(
            token.kind in {"name", "symbol"} and token.text.upper() == word
            for token, word in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        if not self.sees(*words):
            return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise self.refuse()

    def name(self) -> str:
        if self.next.kind != "name":
            raise self.refuse()
        return self.take().text

    def integer(self) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit():
            raise self.refuse(token)
        return int(token.text)

    def path(self) -> Path:
        at = self.next.at
        names = [self.name()]
        while self.accept("."):
            names.append(self.name())
        return Path(tuple(names), at)

    # --- clauses ---------------------------------------------------------------------------------------

    def statement(self) -> Query:
        query = self.query()
        if self.next.kind != "end":
            raise self.refuse()
        return query

    def query(self) -> Query:
        self.expect("SELECT")
        select = [self.selected()]
        while self.accept(","):
            select.append(self.selected())
        self.expect("FROM")
        source = self.name()
        where = self.either() if self.accept("WHERE") else None
        if self.accept("WITH") and not self.accept("SECURITY_ENFORCED"):
            self.expect("USER_MODE")
        group_by = self.paths() if self.accept("GROUP", "BY") else ()
        order_by = self.orderings() if self.accept("ORDER", "BY") else ()
        limit = self.integer() if self.accept("LIMIT") else None
        offset = self.integer() if self.accept("OFFSET") else 0
        return Query(tuple(select), source, where, group_by, order_by, limit, offset)

    def selected(self) -> Path | Query | AllFields | Aggregate:
        if self.accept("("):
            query = self.query()
            self.expect(")")
            return query
        if self.accept("FIELDS", "("):
            group = self.name().upper()
            if group not in {"ALL", "STANDARD", "CUSTOM"}:
                raise self.refuse(self.tokens[self.position - 1])
            self.expect(")")
            return AllFields(group)
        if self.next.text.upper() in _AGGREGATES and self.tokens[self.position + 1].text == "(":
            return self.aggregate()
        return self.path()

    def aggregate(self) -> Aggregate:
        function = self.take().text.upper()
        self.expect("(")
        path = None if self.sees(")") else self.path()
        self.expect(")")
        if path is None and function != "COUNT":
            raise self.refuse()
        alias = self.name() if self.next.kind == "name" and not self.sees("FROM") else None
        return Aggregate(function, path, alias)

    def paths(self) -> tuple[Path, ...]:
        found = [self.path()]
        while self.accept(","):
            found.append(self.path())
        return tuple(found)

    def orderings(self) -> tuple[Ordering, ...]:
        found = [self.ordering()]
        while self.accept(","):
            found.append(self.ordering())
        return tuple(found)

    def ordering(self) -> Ordering:
        path = self.path()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        nulls_last = self.accept("NULLS", "LAST")
        if not nulls_last:
            self.accept("NULLS", "FIRST")
        return Ordering(path, descending, nulls_last)

    # --- conditions ------------------------------------------------------------------------------------

    def either(self) -> Condition:
        """Read a chain of one operator: the platform refuses AND next to OR without parentheses."""
        conditions = [self.simple()]
        for operator in ("AND", "OR"):
            if self.sees(operator):
                while self.accept(operator):
                    conditions.append(self.simple())
                if self.sees("AND") or self.sees("OR"):
                    raise self.refuse()
                return Junction(operator, tuple(conditions))
        return conditions[0]

    def simple(self) -> Condition:
        if self.accept("NOT"):
            return Not(self.simple())
        if self.accept("("):
            condition = self.either()
            self.expect(")")
            return condition
        path = self.path()
        negated = self.accept("NOT")
        if self.accept("IN"):
            return Member(path, self.choices(), negated)
        if negated:
            raise self.refuse()
        token = self.take()
        operator = "!=" if token.text == "<>" else token.text.upper()
        if operator not in _COMPARISONS and operator != "LIKE":
            raise self.refuse(token)
        return Compare(path, operator, self.literal())

    def choices(self) -> tuple[Literal, ...] | Query:
        self.expect("(")
        if self.sees("SELECT"):
            query = self.query()
            self.expect(")")
            return query
        found = [self.literal()]
        while self.accept(","):
            found.append(self.literal())
        self.expect(")")
        return tuple(found)

    def literal(self) -> Literal:
        token = self.take()
        if read := _LITERALS.get(token.kind):
            try:
                return Literal(token.kind, read(token.text))
            except ValueError:
                raise self.refuse(token) from None
        word = token.text.upper()
        if word in _WORDS:
            return _WORDS[word]
        if token.kind == "name" and _PERIOD.fullmatch(word):
            return Literal("period", f"{word}:{self.integer()}" if self.accept(":") else word)
        raise self.refuse(token)


def _unescape(quoted: str) -> str:
    r"""Undo string escapes; ``\_`` and ``\%`` stay for LIKE, which alone knows what they mean."""
    return re.sub(r"\\([^_%])", lambda m: _ESCAPES.get(m.group(1).lower(), m.group(1)), quoted[1:-1], flags=re.DOTALL)


_LITERALS: dict[str, Callable[[str], Any]] = {
    "string": _unescape,
    "number": float,
    "date": lambda text: date.fromisoformat(text).isoformat(),
    "datetime": lambda text: format_moment(parse_moment(text)),
}
_WORDS = {"NULL": Literal("null", None), "TRUE": Literal("boolean", True), "FALSE": Literal("boolean", False)}  # noqa: FBT003
