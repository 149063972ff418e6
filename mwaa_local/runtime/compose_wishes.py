"""What is asked of a start that the Compose runtime does not do, said before it starts."""

from collections.abc import Callable

from mwaa_local.runtime.backend import StartWishes


def say_what_is_not_done(wishes: StartWishes, warn: Callable[[str], None]) -> None:
    """Say what will not be done of what is wished."""
    if wishes.carry_over:
        warn("Each version has a database of its own in containers: nothing is carried over.")
