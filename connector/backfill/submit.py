"""The last stage of a back-fill: how planned contracts reach Stripe. One protocol, so that another way can be added."""

import threading
from collections.abc import Container, Generator, Iterable
from dataclasses import dataclass
from typing import Protocol

from connector.crm.protocol import ContractRef
from connector.desk import Desk, Result
from connector.domain.errors import ConfigError
from connector.sync import sync_contracts


@dataclass(frozen=True, slots=True)
class Way:
    """The run it belongs to, the fingerprints of the plans that may be applied, and whether to stop."""

    run_id: int
    shown: Container[str]
    stop: threading.Event


class Submitter(Protocol):
    """Applies contracts and yields what became of each; `refs` is read as it goes."""

    def submit(self, desk: Desk, refs: Iterable[ContractRef], way: Way) -> Generator[Result]:
        """Make the contracts right, in any order; told to stop, finish what was begun and begin nothing more."""
        ...


class OnlineSubmitter:
    """One request after the other, through the pipeline that every sync uses."""

    def submit(self, desk: Desk, refs: Iterable[ContractRef], way: Way) -> Generator[Result]:
        """Make the contracts right, in the order of `refs`; customers beside each other."""
        yield from sync_contracts(desk, refs, run_id=way.run_id, shown=way.shown, stop=way.stop)


def submitter_of(name: str) -> Submitter:
    """Return the way that was asked for; ConfigError for one that is not there."""
    if name == "online":
        return OnlineSubmitter()
    if name == "batch":
        raise ConfigError(
            "--submit batch is not there: Stripe's batch jobs cannot be used by everybody yet. Use --submit online."
        )
    raise ConfigError(f"there is no way {name!r} to submit; there is: online")
