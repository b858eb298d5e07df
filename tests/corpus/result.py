"""What came of one run of a recording: four answers, and the reasons for what is not simply equal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from tests.corpus.recordings import Recording

Question = Literal["phases", "money", "invoiced", "failure"]
QUESTIONS: tuple[Question, ...] = ("phases", "money", "invoiced", "failure")


@dataclass
class Comparison:
    """What came of one run. None means that the question does not arise.

    Of a contract's last run: `days` is what Stripe invoiced, by day, and `sold` what the CRM sold, without what a
    policy takes off (minor units); of the last run of all, `recorded_days` is what the recorded schedules invoice.
    `not_yet` says why the run is refused though it should be billed: the questions it raises are open then.
    """

    recording: Recording
    phases: bool | None = None
    money: bool | None = None
    invoiced: bool | None = None
    failure: bool | None = None
    explained: dict[Question, list[str]] = field(default_factory=dict)
    days: Mapping[date, int] = field(default_factory=dict)
    sold: int | None = None
    recorded_days: Mapping[date, int] | None = None
    not_yet: str | None = None
    open: set[Question] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Tell whether everything asked for holds."""
        return not self.faults and False not in {getattr(self, question) for question in QUESTIONS}

    @property
    def reasons(self) -> list[str]:
        """Return every reason once."""
        told = [reason for question in QUESTIONS for reason in self.explained.get(question, ())]
        return list(dict.fromkeys([*told, *self.notes]))

    @property
    def bills_what_was_sold(self) -> bool:
        """Tell whether this run was billed, and for what the CRM sold."""
        billed = self.document.get("verdict") in {"apply", "nothing"} and not self.not_yet
        return billed and self.money is not False and self.invoiced is not False

    def answer(self, question: Question) -> bool | None:
        """Return the answer to a question; an open one counts as not held."""
        held: bool | None = getattr(self, question)
        return False if question in self.open else held

    def put_off(self, reason: str) -> None:
        """Note that the run is refused for now, though it should be billed: its questions stay open."""
        self.not_yet = reason
        self.open |= {"phases", "money"}

    def explain(self, question: Question, reason: str) -> None:
        """Note why something that differs is right."""
        held = self.explained.setdefault(question, [])
        if reason not in held:
            held.append(reason)

    def fault(self, question: Question, text: str) -> None:
        """Note a difference without a reason."""
        setattr(self, question, False)
        self.faults.append(f"{question}: {text}")
