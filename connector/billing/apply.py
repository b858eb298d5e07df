"""Door three: carry out a plan. Intent before the call, result after it, the same key until there is an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from connector.billing.account import StripeAccount
from connector.billing.encode import encode
from connector.billing.endpoints import ENDPOINTS
from connector.billing.normalize import read_schedule
from connector.compile.resource import Key, Params, Ref
from connector.domain.errors import NotConvergedError, RejectedError
from connector.journal import Intent, Lease
from connector.journal import Operation as Entry
from connector.plan.canonical import canonical, digest
from connector.plan.existing import ExistingState
from connector.plan.kinds import BILLING_KINDS, KINDS, Identity
from connector.plan.operation import Create, End, Operation, Retire, Update
from connector.plan.plan import Plan, left_to_do


@dataclass(frozen=True, slots=True)
class Outcome:
    """What applying did: Stripe's id of every object of the contract, and how many writes it took."""

    ids: Mapping[Key, str]
    subscriptions: Mapping[str, str]
    writes: int


def apply(
    plan: Plan,
    existing: ExistingState,
    account: StripeAccount,
    clock: Callable[[], datetime],
    *,
    run_id: int | None = None,
    lease: Lease | None = None,
) -> Outcome:
    """Apply a plan that was judged safe; what was done before a failure stays done, the next run goes on from there.

    Raises RejectedError when Stripe says no, NotConvergedError when it says yes but holds something else afterwards.
    """
    worker = _Worker(plan, existing, account, clock, _Authority(run_id, lease))
    for operation in plan.operations:
        worker.carry_out(operation)
    return Outcome(dict(worker.ids), dict(worker.subscriptions), len(plan.operations))


@dataclass(frozen=True, slots=True)
class _Authority:
    """On whose account something is written: the run, and the lease of the customer."""

    run_id: int | None
    lease: Lease | None


class _Worker:
    """One plan being applied; holds the ids as they come to be known."""

    def __init__(
        self,
        plan: Plan,
        existing: ExistingState,
        account: StripeAccount,
        clock: Callable[[], datetime],
        authority: _Authority,
    ) -> None:
        self._plan = plan
        self._existing = existing
        self._account = account
        self._api = account.api
        self._journal = account.journal
        self._clock = clock
        self._authority = authority
        self.ids = {key: held.id for key, held in {**existing.known, **existing.objects}.items()}
        self.subscriptions: dict[str, str] = {}

    def carry_out(self, operation: Operation) -> None:
        match operation:
            case Create(key, params, desired):
                self._write(key, "create", self._create_path(key, params), params, desired)
            case Update(key, object_id, params, desired, _):
                self.ids[key] = object_id
                self._write(key, "update", ENDPOINTS[key.kind].object.format(id=object_id), params, desired)
            case Retire(key, object_id, verb, params):
                self.ids[key] = object_id
                path = f"{ENDPOINTS[key.kind].object.format(id=object_id)}/{verb}"
                self._write(key, "retire", path, params, {})
            case End(key, object_id, verb, params, desired):
                self.ids[key] = object_id
                path = f"{ENDPOINTS[key.kind].object.format(id=object_id)}/{verb}"
                self._write(key, "update", path, params, desired)
            case _:
                assert_never(operation)

    def _create_path(self, key: Key, params: Params) -> str:
        endpoint = ENDPOINTS[key.kind]
        parent = params.get(endpoint.via) if endpoint.via else None
        return endpoint.create.format(id=self._resolve(parent.key)) if isinstance(parent, Ref) else endpoint.create

    def _write(self, key: Key, verb: Any, path: str, params: Params, desired: Params) -> None:
        endpoint = ENDPOINTS[key.kind]
        body = encode({k: v for k, v in params.items() if k != endpoint.via}, self._resolve, self._account.zone)
        if endpoint.expand and verb != "retire":
            body["expand"] = endpoint.expand
        entry = self._intend(key, verb, path, body, desired)
        answer: Mapping[str, Any]
        try:
            answer = self._api.post(path, body, idempotency_key=entry.idempotency_key)
        except RejectedError as error:
            answer = self._already_there(key, error, entry)
        stripe_id = answer["id"]
        self.ids[key] = stripe_id
        if key.kind == "subscription_schedule" and answer.get("status") != "canceled":
            self._prove(key, answer)
            self.subscriptions[key.name] = answer.get("subscription") or ""
        self._journal.record_result(entry.id, stripe_id, answer.get("request_id"), self._clock())

    def _intend(self, key: Key, verb: Any, path: str, body: Mapping[str, Any], desired: Params) -> Entry:
        """Write the intent down. The key names contract, object, body and how often the object was written before."""
        applied = canonical(desired)
        body_hash = digest([path, body])
        epoch = self._journal.epoch(self._account.connection, key.kind, key.name)
        name = digest([self._account.connection, str(key), verb, body_hash, epoch])
        intent = Intent(
            run_id=self._authority.run_id,
            connection=self._account.connection,
            contract_key=self._plan.contract.key,
            account_key=self._plan.contract.party.ref,
            kind=key.kind,
            key=key.name,
            verb=verb,
            idempotency_key=f"cn_{name}",
            body_hash=body_hash,
            applied_hash=digest(applied),
            applied=applied,
            currency=self._plan.contract.currency if key.kind in BILLING_KINDS else None,
        )
        return self._journal.record_intent(intent, self._clock(), lease=self._authority.lease)

    def _already_there(self, key: Key, error: RejectedError, entry: Entry) -> Mapping[str, Any]:
        """Take "already exists" for done where the object's identity is its content; else record the refusal."""
        identity = KINDS[key.kind].identity
        if identity is Identity.OWN_ID and error.code == "resource_already_exists":
            resource = self._plan.desired.get(key) if self._plan.desired else None
            return {"id": resource.params["id"] if resource else key.name, "request_id": error.request_id}
        if identity is Identity.LOOKUP_KEY and "lookup key" in str(error):
            found = self._api.get("/v1/prices", {"lookup_keys": [key.name], "limit": 1})["data"]
            if found:
                return {**found[0], "request_id": error.request_id}
        if identity is Identity.EVENT_NAME and error.param == "event_name":
            return {**self._meter(key), "request_id": error.request_id}
        facts = {"message": str(error), "code": error.code, "param": error.param, "status": error.status}
        self._journal.record_failure(entry.id, facts, self._clock(), request_id=error.request_id)
        raise error

    def _meter(self, key: Key) -> Mapping[str, Any]:
        resource = self._plan.desired.get(key) if self._plan.desired else None
        wanted = resource.params["event_name"] if resource else None
        page: dict[str, Any] = {"status": "active", "limit": 100}
        while True:
            answer = self._api.get("/v1/billing/meters", page)
            for meter in answer["data"]:
                if meter["event_name"] == wanted:
                    return dict(meter)
            if not answer.get("has_more"):
                msg = f"Stripe says that the event name of meter {key.name} is taken, but lists no such meter"
                raise NotConvergedError(msg)
            page["starting_after"] = answer["data"][-1]["id"]

    def _prove(self, key: Key, answer: Mapping[str, Any]) -> None:
        """Compare the answer with what was wanted: it holds the whole schedule, so the proof costs no call."""
        names = {stripe_id: held for held, stripe_id in self.ids.items()}
        left = left_to_do(self._plan, self._existing, key, read_schedule(answer, names, self._account.zone))
        if left:
            shown = "; ".join(
                f"{change.path}: wanted {change.after}, Stripe holds {change.before}" for change in left[:5]
            )
            raise NotConvergedError(f"schedule {answer['id']} does not hold what was sent: {shown}")

    def _resolve(self, key: Key) -> str:
        try:
            return self.ids[key]
        except KeyError:
            msg = f"{key} has no Stripe id yet; the plan's order is wrong"
            raise NotConvergedError(msg) from None
