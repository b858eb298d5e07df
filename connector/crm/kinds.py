"""Kinds of CRM that are no part of the connector: four files in a package of their own, named in the configuration.

    acme_crm/
      adapter.py      KIND, a `CrmKind`
      emulator.py     the CRM over HTTP on loopback
      mapping.yaml    what its fields mean
      scenarios.py    SITE and a writer: what the conformance suite and the shared scenarios need

A kind is called like its package, with its dots, wherever a kind is named: `kind` of a connection, `crm` of a mapping
file and of a records file. So nothing is registered anywhere, and no file of the connector changes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from connector.crm.protocol import ConnectedCrm
from connector.domain.errors import ConfigError
from connector.mapping.raw import RawContract, RawRecords

#: From records and roots to contracts: how a CRM's records hang together.
Topology = Callable[[RawRecords, Iterable[str]], Iterator[RawContract]]

#: What a kind consists of. One file less is half an adapter.
PARTS = ("adapter.py", "emulator.py", "mapping.yaml", "scenarios.py")
MAPPING = "mapping.yaml"


@dataclass(frozen=True, slots=True)
class Connecting:
    """What an adapter is made from: the connection's name, its settings with secrets looked up, the renewal policy."""

    name: str
    options: Mapping[str, str]
    secrets: Mapping[str, str]
    renewal: str = "hand_over"


@dataclass(frozen=True, slots=True)
class CrmKind:
    """A kind of CRM. `options` and `secrets` are the settings of a connection, by name, with what they are for.

    Options may be left out, secrets are needed. `connect` makes the adapter and calls nothing yet.
    """

    connect: Callable[[Connecting], ConnectedCrm]
    families: Topology
    options: Mapping[str, str]
    secrets: Mapping[str, str]


def is_package(kind: str) -> bool:
    """Tell whether a kind is a package of its own."""
    return "." in kind


def kind_of(package: str) -> CrmKind:
    """Import a kind. Raises ConfigError that says what its package lacks."""
    if lacking := parts_missing(package):
        raise ConfigError(
            f'kind = "{package}": the package lacks {", ".join(lacking)}; a kind of CRM is whole with '
            f"{', '.join(PARTS)} (docs/adding-a-crm.md)"
        )
    try:
        found = getattr(import_module(f"{package}.adapter"), "KIND", None)
    except ImportError as error:
        raise ConfigError(f'kind = "{package}": its adapter cannot be imported: {error}') from error
    if not isinstance(found, CrmKind):
        raise ConfigError(f'kind = "{package}": adapter.py has no KIND, a connector.crm.kinds.CrmKind')
    return found


def parts_missing(package: str) -> tuple[str, ...]:
    """Return the files that a kind's package lacks. Raises ConfigError when there is no such package."""
    folder = _folder(package)
    return tuple(part for part in PARTS if not (folder / part).is_file())


def mapping_of(package: str) -> Path:
    """Return the mapping file that comes with a kind."""
    return _folder(package) / MAPPING


def connect(package: str, connecting: Connecting) -> ConnectedCrm:
    """Make the adapter of a connection. Raises ConfigError for settings that are unknown, or secrets that lack."""
    kind = kind_of(package)
    for table, known, given in (
        ("options", kind.options, connecting.options),
        ("secrets", kind.secrets, connecting.secrets),
    ):
        for name in sorted(set(given) - set(known)):
            meant = get_close_matches(name, known, 1)
            hint = f"did you mean {meant[0]}?" if meant else f"known: {', '.join(sorted(known)) or 'none'}"
            raise ConfigError(f"crm.{connecting.name}.{table}.{name}: {package} has no such setting; {hint}")
    for name in sorted(set(kind.secrets) - set(connecting.secrets)):
        raise ConfigError(f"crm.{connecting.name}.secrets.{name} is needed: {kind.secrets[name]}")
    return kind.connect(connecting)


def _folder(package: str) -> Path:
    try:
        return Path(next(iter(import_module(package).__path__)))
    except (ImportError, AttributeError) as error:
        raise ConfigError(f'kind = "{package}": there is no such package; install it, or correct its name') from error
