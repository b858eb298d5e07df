"""composite: up to 25 subrequests in one call, later ones may use the answers of earlier ones.

``@{ref.field}`` takes a value from an answer, also ``@{ref.records[0].Id}``. What depends on a failed subrequest is
halted; with allOrNone everything is rolled back (vendor page on composite).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from connector.sandbox.http import Request, Response, json_response
from connector.sandbox.salesforce.errors import ApiError

if TYPE_CHECKING:
    from connector.sandbox.salesforce.api import Call, DataApi

MAX_SUBREQUESTS, MAX_QUERIES = 25, 5
_REFERENCE = re.compile(r"@\{(\w+)\.([^}]+)\}")
_HALTED = "The transaction was rolled back since another operation in the same transaction failed."
Answer = dict[str, Any]


class CompositeResource:
    """The composite endpoint."""

    def __init__(self, api: DataApi) -> None:
        self.api = api

    def install(self) -> None:
        """Add the route."""
        self.api.add("POST", "/composite", self.composite)

    def composite(self, call: Call) -> Response:
        """POST composite."""
        body = call.fields()
        parts = body.get("compositeRequest")
        if not isinstance(parts, list) or not parts:
            raise ApiError("JSON_PARSER_ERROR", "compositeRequest must be a list with at least one subrequest")
        self._check(parts)
        with self.api.store.savepoint() as roll_back:
            answers = self._run(call, parts)
            if body.get("allOrNone") and any(answer["httpStatusCode"] >= 400 for answer in answers):
                roll_back()
                answers = [_halted(answer) if answer["httpStatusCode"] < 400 else answer for answer in answers]
        return json_response({"compositeResponse": answers})

    def _check(self, parts: list[dict[str, Any]]) -> None:
        if len(parts) > MAX_SUBREQUESTS:
            raise ApiError("LIMIT_EXCEEDED", f"no more than {MAX_SUBREQUESTS} subrequests")
        grouped = [p for p in parts if re.search(r"/(query|queryAll|composite/sobjects)\b", str(p.get("url")))]
        if len(grouped) > MAX_QUERIES:
            raise ApiError(
                "LIMIT_EXCEEDED", f"no more than {MAX_QUERIES} queries and collections among the subrequests"
            )
        names = [part.get("referenceId") for part in parts]
        if len(set(names)) < len(names) or not all(isinstance(n, str) and re.fullmatch(r"\w+", n) for n in names):
            raise ApiError("INVALID_INPUT", "each subrequest needs a referenceId of its own")

    def _run(self, call: Call, parts: list[dict[str, Any]]) -> list[Answer]:
        answers: list[Answer] = []
        known: dict[str, Any] = {}
        for part in parts:
            answer = self._one(call, part, known)
            if answer["httpStatusCode"] < 400:
                known[part["referenceId"]] = answer["body"]
            answers.append(answer)
        return answers

    def _one(self, call: Call, part: dict[str, Any], known: dict[str, Any]) -> Answer:
        name = part["referenceId"]
        try:
            path, query = _target(str(part.get("url")), known)
            body = resolve(part["body"], known) if part.get("body") is not None else None
        except (KeyError, IndexError, TypeError) as missing:
            error = ApiError("PROCESSING_HALTED", f"Invalid reference specified. No value for {missing} found")
            return _answer(name, json_response(error.body(), 400))
        if not path.startswith("/services/data/"):
            error = ApiError("INVALID_INPUT", f"a subrequest's url starts with /services/data/vNN.0/: {path}")
            return _answer(name, json_response(error.body(), 400))
        payload = json.dumps(body).encode() if body is not None else b""
        headers = {key.lower(): value for key, value in (part.get("httpHeaders") or {}).items()}
        headers = {**call.request.headers, **headers}
        request = Request(str(part.get("method")).upper(), path.rstrip("/"), query, headers, payload)
        return _answer(name, self.api.perform(request))


def _target(url: str, known: dict[str, Any]) -> tuple[str, str]:
    parts = urlsplit(resolve(url, known))
    return parts.path, quote(parts.query, safe="=&%+")


def resolve(value: Any, known: dict[str, Any]) -> Any:
    """Replace references in a body or url; a text that is one reference takes the value with its type."""
    if isinstance(value, dict):
        return {key: resolve(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _look_up(whole, known)
    return _REFERENCE.sub(lambda found: str(_look_up(found, known)), value)


def _look_up(found: re.Match[str], known: dict[str, Any]) -> Any:
    here = known[found.group(1)]
    for step in re.findall(r"\w+", found.group(2)):
        here = here[int(step)] if isinstance(here, list) else here[step]
    return here


def _answer(name: str, response: Response) -> Answer:
    body = json.loads(response.body) if response.body else None
    headers = {key: value for key, value in response.headers.items() if key == "Location"}
    return {"body": body, "httpHeaders": headers, "httpStatusCode": response.status, "referenceId": name}


def _halted(answer: Answer) -> Answer:
    body = [{"errorCode": "PROCESSING_HALTED", "message": _HALTED}]
    return {**answer, "body": body, "httpStatusCode": 400}
