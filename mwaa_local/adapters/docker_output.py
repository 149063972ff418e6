"""Reads what a container prints, line by line and to its very end."""

from collections.abc import Callable

from docker.models.containers import Container


def follow_to_end(container: Container, on_line: Callable[[str], None]) -> int:
    """Tell each line that a running container prints; return its exit code when it has ended."""
    output = container.logs(stream=True, follow=True)
    seen, rest = bytearray(), b""
    try:
        for chunk in output:
            seen += chunk
            rest = _tell(rest + chunk, on_line)
    except BaseException:
        # Its end is the end of its output: an answer that is left half read keeps its connection.
        container.remove(force=True, v=True)
        for _ in output:
            pass
        raise
    code = int(container.wait()["StatusCode"])
    # Docker 20.10 does not tell followers the last line of a container that ends at once, where that line is open.
    whole = container.logs()
    if whole.startswith(seen):
        rest = _tell(rest + whole[len(seen) :], on_line)
    if rest:
        on_line(_text(rest))
    return code


def _tell(text: bytes, on_line: Callable[[str], None]) -> bytes:
    """Tell the lines that are whole, and return the beginning of the next one."""
    *whole, rest = text.split(b"\n")
    for line in whole:
        on_line(_text(line))
    return rest


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
