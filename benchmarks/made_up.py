"""A CRM that makes up its orders as they are asked for, so that a hundred thousand of them take no memory anywhere."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from connector.crm.protocol import Changed, ContractRef, Cursor, FieldPaths, WriteBack, WriteResult
from connector.crm.snapshot import SnapshotCrm, load_records
from connector.mapping.raw import RawContract

STORIES = Path(__file__).resolve().parents[1] / "tests" / "scenarios"
#: The part of the story's ids that is a copy's own; what begins with 01t are products, which all copies share.
_OWN = re.compile(r"(?<!01t)8Z000000")


class MadeUpCrm:
    """Copies of one story, under ids of their own; the refs are numbers. Every status is taken and forgotten."""

    name = "salesforce"
    batch = 200

    def __init__(self, story: str = "ramp_by_year") -> None:
        text = (STORIES / f"{story}.json").read_text(encoding="utf-8")
        self._pattern = json.dumps(json.loads(text)["file"])

    def changed(self, since: Cursor | None) -> Changed:
        """Nothing ever changes here."""
        raise NotImplementedError

    def stamps(self) -> Iterator[Mapping[str, datetime]]:
        """Nothing is ever swept here."""
        raise NotImplementedError

    def fetch(self, refs: Sequence[ContractRef], paths: FieldPaths) -> Iterator[RawContract]:
        """Yield a copy for each ref."""
        for ref in refs:
            file = load_records(_OWN.sub(f"8Z{int(ref.id):06d}", self._pattern))
            yield from SnapshotCrm(file).fetch([ContractRef("", file.root_id)], paths)

    def write_back(self, writes: Iterable[WriteBack]) -> tuple[WriteResult, ...]:
        """Take everything."""
        return tuple(WriteResult(write.object, write.id) for write in writes)
