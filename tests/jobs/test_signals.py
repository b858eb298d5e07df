"""Signals are told wherever the main thread is just then, and a second one is not held up."""

import signal
import threading

import pytest

from connector.signals import obeying

BOTH = (signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_that_comes_while_the_main_thread_holds_a_lock_is_told(number):
    lock, told = threading.Lock(), threading.Event()
    got: list[bool] = []

    def tell() -> None:  # as `Event.set` does, while the main thread is in `Event.wait`
        got.append(lock.acquire(timeout=20))
        told.set()

    with obeying(tell):
        with lock:
            signal.raise_signal(number)
        assert told.wait(30)
    assert got == [True]


def test_the_second_one_is_told_at_once():
    told = threading.Event()
    again: list[str] = []
    with obeying(told.set, lambda: again.append("again")):
        signal.raise_signal(signal.SIGTERM)
        assert (told.wait(30), again) == (True, [])
        signal.raise_signal(signal.SIGINT)
        assert again == ["again"]


def test_afterwards_signals_do_what_they_did_before():
    before = [signal.getsignal(number) for number in BOTH]
    with obeying(lambda: None):
        assert [signal.getsignal(number) for number in BOTH] != before
    assert [signal.getsignal(number) for number in BOTH] == before


def test_without_a_word_for_the_second_it_does_what_it_did_before():
    with obeying(lambda: None):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_other_threads_hear_no_signals():
    entered: list[bool] = []

    def elsewhere() -> None:
        with obeying(lambda: None):
            entered.append(True)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(30)
    assert entered == [True]
