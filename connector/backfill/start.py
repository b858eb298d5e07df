"""Open a back-fill: the selection is checked against the CRM, and what it is made with is written down."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from connector.crm.selection import SelectingCrm, Selection, selection_json
from connector.desk import Desk
from connector.domain.errors import ConfigError
from connector.journal import Backfill, Listed
from connector.mapping.mapping_file import MappingFile
from connector.mapping.paths import Path


def open_backfill(
    desk: Desk,
    selection: Selection,
    *,
    by: str,
    config_hash: str,
    billed_through: date | None = None,
    records: Iterable[Listed] | None = None,
) -> Backfill:
    """Write a back-fill down, with the records that are named. Raises ConfigError for what the CRM cannot list."""
    if records is None:
        if not isinstance(desk.crm, SelectingCrm):
            raise ConfigError(f"the CRM of {desk.name} cannot list records by a selection; name them one by one")
        selection = desk.crm.checked(replace(selection, start_path=start_path(desk.mapping)))
    return desk.account.journal.create_backfill(
        desk.name,
        selection=selection_json(selection),
        billed_through=billed_through,
        mapping_hash=desk.mapping.hash,
        config_hash=config_hash,
        by=by,
        now=desk.clock(),
        records=records,
    )


def check_mapping(desk: Desk, backfill: Backfill) -> None:
    """Refuse to go on by another mapping than the dry run was made with: every plan would be another one."""
    if desk.mapping.hash != backfill.mapping_hash:
        raise ConfigError(
            f"the mapping {desk.mapping.name} has changed since back-fill {backfill.id} was started, so what it showed "
            "no longer holds. Start another back-fill with `connector backfill start`, or take the change back."
        )


def start_path(mapping: MappingFile) -> str:
    """Return where the mapping reads the first day of a contract, if that is one plain field of the record or above."""
    rule = mapping.sections["contract"].get("start")
    if rule is None or not isinstance(rule.origin, Path):
        return ""
    plain = not rule.steps and rule.default is None and rule.value_map is None and rule.when is None
    return str(rule.origin) if plain else ""
