"""The Salesforce client: simple-salesforce for requests and paging, with what it leaves to its users put right.

Used of the library: `query`, `query_more` and `restful`. Its per-object layer (`sf.Order.update(...)`) is closed here:
it takes no timeout, reads money as float, never ends its retries on a refused session, and joins ids to addresses in a
way that can send the token to another host.

Every call is safe to repeat: reads, and writes of absolute values to records named by id or key.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

import requests
from tenacity import Retrying

from connector.crm.exact_json import read_json, write_json
from connector.crm.salesforce.errors import error_of
from connector.crm.salesforce.library import Salesforce
from connector.crm.salesforce.login import Token, TokenSource, log_in
from connector.crm.salesforce.settings import SalesforceSettings
from connector.crm.salesforce.transport import SalesforceTransport
from connector.domain.errors import ConfigError, ConnectorError, RejectedError
from connector.retry import retry_policy

#: The vendor allows 25 parts in a composite request, and at most five of them queries or collections.
COMPOSITE_QUERIES = 5
#: Stands for the org's host until the token says which it is; a URL to any other host is refused.
_PLACEHOLDER = "salesforce.invalid"

Row = dict[str, Any]


class SalesforceClient(Salesforce):
    """One org, for many threads. Nothing happens on the network until the first call."""

    def __init__(self, settings: SalesforceSettings, *, policy: Retrying | None = None) -> None:
        self.settings = settings
        self.transport = SalesforceTransport(
            timeout=settings.timeout,
            pool_size=settings.pool_size,
            base_url=settings.base_url,
            allow_remote_base_url=settings.allow_remote_base_url,
        )
        super().__init__(
            session_id="",
            instance=_PLACEHOLDER,
            version=settings.api_version,
            session=self.transport,
            parse_float=Decimal,
            object_pairs_hook=None,
        )
        self.tokens = TokenSource(partial(log_in, settings, self.transport))
        self._salesforce_login_partial = partial(self._renewed)
        self._policy = policy or retry_policy()
        self._usage_lock = threading.Lock()
        self._usage: tuple[int, int] | None = None
        self.calls = 0

    def __getattr__(self, name: str) -> NoReturn:
        """Close the library's per-object layer, which it opens for every unknown attribute."""
        raise AttributeError(name)

    @property
    def instance_url(self) -> str:
        """The org's address for people; logs in when nothing did before."""
        return f"https://{self.tokens.current().instance}"

    @property
    def usage(self) -> tuple[int, int] | None:
        """Requests used and allowed in the rolling day, as the last answer told; None before the first."""
        with self._usage_lock:
            return self._usage

    def rows(self, soql: str, *, deleted: bool = False) -> Iterator[Row]:
        """Yield the rows of a query, page by page; with `deleted` also those in the recycle bin.

        Raises RejectedError with code INVALID_FIELD or INVALID_TYPE for an unknown column or object.
        """
        page = self._policy(self.query, soql, include_deleted=deleted)
        yield from self._pages(page)

    def compose(self, queries: Sequence[str]) -> list[list[Row] | ConnectorError]:
        """Run up to five queries in one request; the result of each is its rows, or why it was refused."""
        base = f"/services/data/v{self.settings.api_version}/query?q="
        parts = [{"method": "GET", "url": base + quote(soql, safe="")} for soql in queries]
        return [
            answer if isinstance(answer, ConnectorError) else list(self._pages(answer))
            for answer in self.composite(parts)
        ]

    def composite(self, parts: Sequence[Mapping[str, Any]], *, again: bool = True) -> list[Any]:
        """Run requests as one, each on its own: the result is the body of each, or the error it ended with.

        A part that failed for a passing reason fails the whole request, which is sent again if `again` says so.
        """
        named = [{**part, "referenceId": f"part{number}"} for number, part in enumerate(parts)]
        body = {"allOrNone": False, "compositeRequest": named}
        return self._policy(self._composite, body) if again else self._composite(body)

    def write(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request that changes something; the path is below /services/data/vNN.0/."""
        data = None if body is None else write_json(body)
        return self._policy(self.restful, path, method=method, data=data, headers={"Sforce-Auto-Assign": "FALSE"})

    def read(self, path: str) -> Any:
        """Get a resource below /services/data/vNN.0/; None for one that is not there."""
        try:
            return self._policy(self.restful, path)
        except RejectedError as error:
            if error.status == 404:
                return None
            raise

    def _composite(self, body: Mapping[str, Any]) -> list[Any]:
        headers = {"Sforce-Auto-Assign": "FALSE"}
        result: Any = self.restful("composite", method="POST", data=write_json(body), headers=headers)
        answers = [_body_or_error(part) for part in result["compositeResponse"]]
        for answer in answers:
            if isinstance(answer, ConnectorError) and not isinstance(answer, RejectedError):
                raise answer
        return answers

    def _pages(self, page: Any) -> Iterator[Row]:
        yield from page["records"]
        while not page["done"]:
            page = self._policy(self.query_more, page["nextRecordsUrl"], identifier_is_url=True)
            yield from page["records"]

    def _renewed(self) -> tuple[str, str]:
        return self.tokens.renew(self.tokens.current()).value, _PLACEHOLDER

    def _call_salesforce(
        self, method: str, url: str, name: str = "", retries: int = 0, max_retries: int = 3, **options: Any
    ) -> requests.Response:
        """Send one request with the present token, and once more with a new one when the session has ended."""
        del name, retries, max_retries
        token = self.tokens.current()
        response = self._send(token, method, url, options)
        if response.status_code == 401:
            token = self.tokens.renew(token)
            response = self._send(token, method, url, options)
        if response.status_code >= 300:
            raise error_of(response.status_code, _body(response), response.headers)
        return response

    def _send(self, token: Token, method: str, url: str, options: Mapping[str, Any]) -> requests.Response:
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) != ("https", _PLACEHOLDER):
            raise ConfigError(f"a Salesforce request may not leave the org, and {parts.netloc!r} is not the org")
        headers = {
            "Content-Type": "application/json",
            "X-PrettyPrint": "0",
            **(options.get("headers") or {}),
            "Authorization": f"Bearer {token.value}",
        }
        there = parts._replace(netloc=token.instance).geturl()
        self.calls += 1
        response = self.transport.request(method, there, **{**options, "headers": headers})
        self._learn_usage(response.headers.get("Sforce-Limit-Info"))
        return response

    def _learn_usage(self, header: str | None) -> None:
        found = self.parse_api_usage(header).get("api-usage") if header else None
        if found:
            with self._usage_lock:
                self._usage = (found.used, found.total)


def _body(response: requests.Response) -> Any:
    try:
        return read_json(response.text)
    except ValueError:
        return response.text


def _body_or_error(part: Mapping[str, Any]) -> Any:
    status = part["httpStatusCode"]
    return error_of(status, part["body"]) if status >= 300 else part["body"]
