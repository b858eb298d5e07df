"""What came of one recording: three answers, and the reasons for what is not simply equal."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.corpus.recordings import Recording

Question = Literal["phases", "money", "failure"]
QUESTIONS: tuple[Question, ...] = ("phases", "money", "failure")


@dataclass
class Comparison:
    """What came of one recording. None means that the question does not arise."""

    recording: Recording
    phases: bool | None = None
    money: bool | None = None
    failure: bool | None = None
    explained: dict[Question, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Tell whether everything asked for holds."""
        return False not in {self.phases, self.money, self.failure}

    @property
    def reasons(self) -> list[str]:
        """Return every reason once."""
        told = [reason for question in QUESTIONS for reason in self.explained.get(question, ())]
        return list(dict.fromkeys([*told, *self.notes]))

    def explain(self, question: Question, reason: str) -> None:
        """Note why something that differs is right."""
        held = self.explained.setdefault(question, [])
        if reason not in held:
            held.append(reason)

    def fault(self, question: Question, text: str) -> None:
        """Note a difference without a reason."""
        setattr(self, question, False)
        self.faults.append(f"{question}: {text}")
