"""Exit codes, the same for every command (docs/cli.md)."""

from enum import IntEnum


class Exit(IntEnum):
    """What a script may rely on."""

    OK = 0  # done, nothing pending
    BUG = 1  # something we did not foresee
    CHANGES = 2  # changes are present (only with --detailed-exitcode)
    INVALID = 3  # a record, mapping or configuration is wrong
    PARTIAL = 4  # some contracts failed, the others are done
    DIFFERENCE = 5  # drift, or money that does not add up
    APPROVAL = 6  # a plan waits for approval
    BUSY = 7  # a stale plan, or another process holds the contract
    REMOTE = 8  # a vendor refused, or could not be reached
    USAGE = 64  # the command was called wrongly
    INTERRUPTED = 130  # Ctrl-C; the journal is consistent
