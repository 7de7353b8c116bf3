"""What the agent can say is wrong."""

from __future__ import annotations


class AgentError(Exception):
    """An expected failure: a code of secpi's, a sentence for people, and what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
