"""Shows the steps of a long command on stderr: live with times on a terminal, plain lines elsewhere."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


class Progress:
    """Steps, one after the other; `note` says something that is not a step."""

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that `title` is being done, then how long it took."""
        began = time.monotonic()
        if self._console is None:
            yield
        else:
            with self._console.status(f"{title} ..."):
                yield
        self._say(f"{title}", time.monotonic() - began)

    @contextlib.contextmanager
    def following(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show `title` and what is going on, as it is told: live on a terminal, a line for each change elsewhere."""
        began, last = time.monotonic(), ""
        if self._console is None:

            def say(text: str) -> None:
                nonlocal last
                if text != last:
                    print(f"{title}: {text}", file=sys.stderr)
                    last = text

            yield say
        else:
            with self._console.status(f"{_escaped(title)} ...") as status:
                yield lambda text: status.update(
                    f"{_escaped(title)}: {_escaped(text)} [dim]{time.monotonic() - began:.0f} s[/dim]"
                )
        self._say(title, time.monotonic() - began)

    def note(self, text: str) -> None:
        """Print a remark."""
        if self._console is None:
            print(text, file=sys.stderr)
        else:
            self._console.print(text, style="dim", highlight=False, markup=False)

    def warn(self, text: str) -> None:
        """Print something that the user should not miss."""
        if self._console is None:
            print(f"Warning: {text}", file=sys.stderr)
        else:
            self._console.print(f"[yellow]Warning:[/yellow] {_escaped(text)}", highlight=False)

    def _say(self, title: str, seconds: float) -> None:
        if self._console is None:
            print(f"{title} ({seconds:.1f} s)", file=sys.stderr)
        else:
            self._console.print(
                f"[green]✓[/green] {_escaped(title)} [dim]{seconds:.1f} s[/dim]", highlight=False
            )


def open_progress() -> Progress:
    """Return the progress display that fits stderr; rich honours NO_COLOR itself."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return Progress()
    from rich.console import Console

    return Progress(Console(stderr=True))


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
