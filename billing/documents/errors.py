"""Why a document can't be issued."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do, in words; `rule` names what says so, several rules with commas."""

    rule: str
    words: str


class CannotIssue(Exception):
    """Somebody has to change something first; `rule` is a name, the text a sentence for users."""

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.problems = [{"rule": rule, "words": words}]


class BreaksRules(CannotIssue):
    """Its XML breaks rules of the standard."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("", " ".join(problem.words for problem in problems))
        self.problems = [asdict(problem) for problem in problems]
