"""The command line: `connector plan`, `apply`, `sync`, `explain`, `status`, `demo`, … A thin face without rules."""

from connector.cli.main import main

__all__ = ["main"]
