"""Who works, and whether a process that left a name behind is gone."""

import os
import subprocess
import sys

from connector.journal import is_gone, worker_name

SAY = "from connector.journal import worker_name; print(worker_name(), flush=True); input()"


def test_a_process_that_runs_is_not_gone():
    assert worker_name() == worker_name()
    assert ":" not in worker_name(), "what one process holds is told apart behind a colon"
    assert not is_gone(worker_name())
    assert not is_gone(f"{worker_name()}:5f3a")
    assert not is_gone(f"{worker_name()}:5f3a/1")


def test_a_process_is_gone_once_it_was_killed():
    process = subprocess.Popen([sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert not is_gone(name)
    process.kill()
    process.communicate()
    assert is_gone(name)


def test_another_process_with_the_same_number_is_not_the_one():
    host, namespace, number, begun = worker_name().split("/")
    assert int(number) == os.getpid()
    assert is_gone(f"{host}/{namespace}/{number}/{int(begun.partition('.')[0]) - 1}.5f3a:1")


def test_what_another_machine_left_behind_cannot_be_known():
    _, namespace, _, begun = worker_name().split("/")
    assert not is_gone(f"elsewhere/{namespace}/999999999/{begun}:1")
    assert not is_gone("host:140")
    assert not is_gone("other")
    assert not is_gone("")
