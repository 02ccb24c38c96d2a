"""What stops a command before it could begin its work."""


class StartError(Exception):
    """A start that is given up; its text is what the person at the terminal reads, one line for each cause."""

    exit_code = 1


class UsageError(StartError):
    """A value that somebody has to write differently."""

    exit_code = 2
