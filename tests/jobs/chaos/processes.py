"""`connector run` as a real process that is killed again and again, and always started anew."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.jobs.chaos.emulators import ROOT

_SETTINGS = """
[safety]
max_terminations = 1000
max_changed_share = 1.0

[jobs]
sync_every_seconds = 0.5
write_back_every_seconds = 0.5
retry_every_seconds = 0.5
sweep_every_hours = 0.001
extend_every_hours = 0.005
housekeeping_every_hours = 0.005
retry_first_seconds = 0.2
retry_most_seconds = 2.0
breaker_outages = 4
breaker_seconds = 0.5
stop_seconds = 3.0
"""

#: Seconds until the process has started on a machine with nothing else to do. Where it takes longer it lives longer,
#: too: as long as it takes to do the same.
START_SECONDS = 2.0
#: It is killed so often at least, however slow the machine is.
LEAST_KILLS = 2


def hurry(config: Path) -> None:
    """Let all jobs run far more often than people would want."""
    config.write_text(config.read_text(encoding="utf-8") + _SETTINGS, encoding="utf-8")


class Runner:
    """The process, its log over all its lives, and how each life ended."""

    def __init__(self, config: Path, log: Path, seed: int) -> None:
        self._config, self._log = config, log
        self._chance = random.Random(seed)  # noqa: S311 -- no secret
        self.kills = self.stops = self.starts = 0
        self.codes: list[int] = []
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._killing, daemon=True)

    def __enter__(self) -> Self:
        """Start it, and kill it every few seconds from now on."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave no process behind, whatever happened."""
        self._over.set()
        self._thread.join(timeout=240)
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=20)

    def calm_down(self) -> subprocess.Popen[bytes]:
        """Kill it no more; return the process that goes on."""
        self._over.set()
        self._thread.join(timeout=240)
        assert not self._thread.is_alive(), "the process could not be stopped"
        if self._error is not None:
            raise self._error
        return self._begin()

    def words(self) -> str:
        """Return the whole log."""
        return self._log.read_text(encoding="utf-8")

    def _begin(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "connector.cli", "run", "--config", str(self._config)],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        return self._process

    def _killing(self) -> None:
        try:
            self._live_and_die()
        except BaseException as error:  # noqa: BLE001 -- told by `calm_down`
            self._error = error

    def _live_and_die(self) -> None:
        while not self._over.is_set() or self.kills < LEAST_KILLS:
            begun = time.monotonic()
            process = self._begin()
            self._wait_until_started(process)
            slow = max(1.0, (time.monotonic() - begun) / START_SECONDS)
            self._over.wait(self._chance.uniform(0.5, 4.0) * slow)
            if self._chance.random() < 0.75:
                self.kills += 1
                process.kill()
                process.wait(timeout=20)
            else:
                self.stops += 1
                process.send_signal(signal.SIGTERM)
                self.codes.append(process.wait(timeout=30))

    def _wait_until_started(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 180
        while self.words().count("started: ") < self.starts:
            assert process.poll() is None, f"it ended by itself with {process.returncode}\n{self.words()[-3000:]}"
            assert time.monotonic() < deadline, "it never began"
            time.sleep(0.05)
