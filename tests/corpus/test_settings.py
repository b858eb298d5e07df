"""Mapped fields and fixed values of recorded orgs can be written in a mapping file, and reach Stripe's parameters."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from connector.compile.contract import compile_contract
from connector.crm.protocol import ContractRef
from connector.crm.snapshot import SnapshotCrm, load_records
from connector.domain.contract import Contract
from connector.mapping.reader import read_contract
from tests.corpus.overlay import TEMPLATE, mapping_for
from tests.corpus.recordings import ROOT, Recording, available, recordings

KINDS = ("mapping", "customer", "invoice_template", "prebilling")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not available(), reason=f"the recordings are not at {ROOT}; set CONNECTOR_CORPUS"),
]
_ALL = tuple(recordings(*KINDS)) if available() else ()
#: Stands for a value that the recording does not hold because the test made it up.
MADE_UP = "made_up_value"


def config_of(recording: Recording) -> dict[str, Any]:
    """Return a recording's settings with something in place of what it does not hold."""
    config = recording.data["config"]
    filled = {
        name: {
            owner: {key: MADE_UP if isinstance(value, dict) else value for key, value in fields.items()}
            for owner, fields in (config.get(name) or {}).items()
        }
        for name in ("field_mappings", "field_defaults")
    }
    return {**config, **filled}


@pytest.mark.parametrize("recording", _ALL, ids=lambda recording: recording.name.rsplit("/", 1)[-1][:60])
def test_every_setting_can_be_written(recording: Recording) -> None:
    mapping, reasons = mapping_for(config_of(recording), preview=True)
    assert set(reasons) <= {TEMPLATE}
    config = config_of(recording)
    wanted = {
        (owner, target): value
        for name in ("field_mappings", "field_defaults")
        for owner, fields in config[name].items()
        for target, value in fields.items()
    }
    paths = {path for found in mapping.paths.values() for path in found}
    for (owner, target), value in wanted.items():
        if target in config["field_mappings"].get(owner, {}):
            assert any(path.endswith(str(value)) for path in paths), (owner, target)
    if recording.run is not None and wanted:
        contract = _contract(recording, mapping)
        for place, value in wanted.items():
            _check(contract, place, value, recording)


def _contract(recording: Recording, mapping: Any) -> Contract:
    assert recording.run is not None
    root = {"object": "Order", "id": recording.root}
    records = {"format": "crm-records/1", "crm": "salesforce", "root": root, "records": recording.run["input"]}
    file = load_records(json.dumps(records, default=str))
    raw = next(iter(SnapshotCrm(file).fetch([ContractRef("", file.root_id)], mapping.paths)))
    contract = read_contract(raw, mapping).contract
    assert contract is not None
    return contract


def _check(contract: Contract, place: tuple[str, str], value: Any, recording: Recording) -> None:
    """Look a setting up where it must have arrived: in the parameters of the object that it is for."""
    desired = compile_contract(contract).desired
    assert desired is not None
    owner, target = place
    customer = next(iter(desired.of("customer"))).params
    schedule = next(iter(desired.of("subscription_schedule"))).params
    account = next(iter(recording.table("Account").values()))
    if owner == "customer" and target == "email":
        assert customer["email"] == account[value] if isinstance(value, str) and value in account else value
    elif target.endswith(".custom_fields.name"):
        assert [entry["name"] for entry in _dig(customer, "invoice_settings", "custom_fields")] == [value]
    elif target.endswith(".custom_fields.value"):
        assert [entry["value"] for entry in _dig(customer, "invoice_settings", "custom_fields")] == [value]
    elif target.endswith("rendering.template"):
        assert _dig(customer, "invoice_settings", "rendering_options", "template") == value
    elif target.startswith("prebilling."):
        found = _dig(schedule, "prebilling", "iterations")
        assert found == (int(value) or None)
        assert found is None or type(found) is int
    elif target.endswith("days_until_due"):
        assert isinstance(_dig(schedule, "default_settings", "invoice_settings", "days_until_due"), int)
    elif owner == "subscription_item":
        key = target.removeprefix("metadata.")
        items = [item for phase in _dig(schedule, "phases") for item in phase["items"]]
        assert {item["metadata"][key] for item in items} == {
            line[value] for line in recording.table("OrderItem").values()
        }
    elif owner == "price_order_item":
        amounts = {str(line.period_price) for line in contract.lines}
        assert amounts == {str(line[value]) for line in recording.table("OrderItem").values()}
    else:
        assert _dig(schedule, *target.split(".")) == value


def _dig(value: Any, *path: str) -> Any:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
