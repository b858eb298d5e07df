"""The last stage of a back-fill: how planned contracts reach Stripe. One protocol, so that another way can be added."""

from collections.abc import Container, Generator, Iterable
from typing import Protocol

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Result
from connector.domain.errors import ConfigError
from connector.sync import sync_contracts


class Submitter(Protocol):
    """Applies contracts and yields what became of each; `refs` is read as it goes, `shown` are plans that may be."""

    def submit(
        self, desk: Desk, refs: Iterable[ContractRef], *, run_id: int, shown: Container[str]
    ) -> Generator[Result]:
        """Make the contracts right, in any order."""
        ...


class OnlineSubmitter:
    """One request after the other, through the pipeline that every sync uses."""

    def submit(
        self, desk: Desk, refs: Iterable[ContractRef], *, run_id: int, shown: Container[str]
    ) -> Generator[Result]:
        """Make the contracts right, in any order."""
        yield from sync_contracts(desk, refs, run_id=run_id, shown=shown)


def submitter_of(name: str) -> Submitter:
    """Return the way that was asked for; ConfigError for one that is not there."""
    if name == "online":
        return OnlineSubmitter()
    if name == "batch":
        raise ConfigError(
            "--submit batch is not there: Stripe's batch jobs cannot be used by everybody yet. Use --submit online."
        )
    raise ConfigError(f"there is no way {name!r} to submit; there is: online")
