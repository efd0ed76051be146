"""Why a document can't be issued."""


class CannotIssue(Exception):
    """Somebody has to change something first; `rule` is a name, the text a sentence for users."""

    def __init__(self, rule: str, words: str) -> None:
        super().__init__(words)
        self.problem = {"rule": rule, "words": words}
