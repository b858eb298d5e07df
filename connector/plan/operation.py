"""One write to Stripe, as data."""

from dataclasses import dataclass, field

from connector.compile.resource import Key, Params
from connector.plan.canonical import Json, canonical
from connector.plan.diff import Change


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object. For kinds with an identity of their own, "already exists" means done."""

    key: Key
    params: Params
    desired: Params


@dataclass(frozen=True, slots=True)
class Update:
    """Change an object in place. `params` is what is sent, `desired` what the whole object then says."""

    key: Key
    id: str
    params: Params
    desired: Params
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Retire:
    """End an object that the contract stands for no more, with its kind's verb (a schedule is canceled)."""

    key: Key
    id: str
    verb: str
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """End an object on its day: the contract still tells of it, up to that day (`desired`)."""

    key: Key
    id: str
    verb: str
    params: Params
    desired: Params


Operation = Create | Update | Retire | End


def operation_json(operation: Operation) -> Json:
    """Return an operation as JSON, for the fingerprint, the store and `--json`."""
    match operation:
        case Create(key, params):
            return {"verb": "create", "kind": key.kind, "key": key.name, "params": canonical(params)}
        case Update(key, object_id, params, _, changes):
            return {
                "verb": "update",
                "kind": key.kind,
                "key": key.name,
                "id": object_id,
                "changes": [{"path": c.path, "before": c.before, "after": c.after} for c in changes],
                "params": canonical(params),
            }
        case Retire(key, object_id, verb, params) | End(key, object_id, verb, params):
            sent = {"params": canonical(params)} if params else {}
            return {"verb": verb, "kind": key.kind, "key": key.name, "id": object_id, **sent}
