"""The kinds of incidents: what each is called and what to do about it. docs/operations.md has a section for each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble. `title` is also the heading of its section in the runbook, which `anchor` leads to."""

    name: str
    title: str
    remedy: str

    @property
    def anchor(self) -> str:
        """Return the anchor of the section, as code hosts make it of a heading."""
        return f"alert-{self.name}".replace("_", "-")


KINDS = {
    kind.name: kind
    for kind in (
        Kind("bug", "Failures that are a bug", "Keep the log and `connector explain --json`, and report it."),
        Kind("dead_letters", "Contracts that wait for people", "Look at `connector report failures`."),
        Kind("old_failure", "A failure is old", "Look at `connector report failures`; the oldest is the first."),
        Kind("lag", "A connection is behind", "Look whether the process runs, what it logs, and `connector doctor`."),
        Kind("window_short", "A long contract runs out", "Look at `connector report windows`, and sync the contract."),
        Kind("drift", "Edited in Stripe by hand", "Look at `connector drift`, and restore or ignore the edit."),
        Kind("breaker_open", "A vendor is away", "Look at the vendor's status page; all goes on when it is back."),
        Kind("audit_broken", "The audit chain is broken", "Keep the database as it is, and find out who changed it."),
        Kind("open_intents", "Writes without an answer", "Sync the contracts that `connector status` names."),
        Kind("reconcile", "Stripe is not what was applied", "Look at `connector drift`, and decide on each finding."),
        Kind("found_by_sweep", "Found by the sweep only", "Look at the log of the sweep, and report what was missed."),
    )
}
