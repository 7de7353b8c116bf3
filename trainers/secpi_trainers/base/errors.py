"""How a command says that it could not do its work."""


class TrainerError(Exception):
    """An expected failure: a code for programs, a sentence for people, maybe a hint what to do."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = f"trainer/{code}"
        self.message = message
        self.hint = hint


class BadJobError(TrainerError):
    """The job itself is wrong: exit code 2, nothing was started."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__("bad-job", message, hint)


class StoppedError(Exception):
    """SIGTERM, SIGINT or SIGUSR2 came; what is worth keeping has been saved.

    `checkpoint` is the step that the same job continues from, if any.
    """

    def __init__(self, checkpoint: int | None = None) -> None:
        super().__init__()
        self.checkpoint = checkpoint
