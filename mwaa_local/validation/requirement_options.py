"""The options of a requirements file, as pip takes them: of a line, and collected for the whole file."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace

_WITH_VALUE = {
    "-r": "requirement",
    "--requirement": "requirement",
    "-c": "constraint",
    "--constraint": "constraint",
    "-e": "editable",
    "--editable": "editable",
    "-i": "index-url",
    "--index-url": "index-url",
    "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
    "--trusted-host": "trusted-host",
    "--no-binary": "no-binary",
    "--only-binary": "only-binary",
    "--use-feature": "use-feature",
    "--hash": "hash",
    "--global-option": "global-option",
    "--install-option": "install-option",
    "--config-settings": "config-settings",
    "--config-setting": "config-settings",
}
_FLAGS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes", "--always-unzip", "-Z")


class LineError(Exception):
    """pip refuses the line; nothing of the file is installed then."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class LineOptions:
    """A line, split into what it asks for and (option, value) pairs."""

    requirement: str
    values: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """Return the first value of an option, or nothing."""
        return next((value for option, value in self.values if option == name), "")

    @property
    def include(self) -> str:
        """Return the requirements file that the line includes."""
        return self.first("requirement")

    @property
    def constraint(self) -> str:
        """Return the constraints file that the line names."""
        return self.first("constraint")

    @property
    def editable(self) -> str:
        """Return what the line wants to be installed as editable."""
        return self.first("editable")


def parse_options(line: str) -> LineOptions:
    """Split a line into its requirement and its options; LineError where pip refuses it."""
    if "\0" in line:
        raise LineError(f"{line!r} holds a NUL character.", "Save the file as plain text in UTF-8.")
    tokens = line.split(" ")
    count = next((number for number, token in enumerate(tokens) if token.startswith("-")), len(tokens))
    requirement = " ".join(tokens[:count]).strip()
    try:
        words = shlex.split(" ".join(tokens[count:]))
    except ValueError as error:
        raise LineError(f"{line!r} cannot be read: {error}.", "Close the quotes.") from error
    values = tuple(_pairs(words, line))
    return LineOptions(requirement, values)


def _pairs(words: list[str], line: str) -> list[tuple[str, str]]:
    pairs = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if not name.startswith("--") and len(word) > 2 and word[:2] in _WITH_VALUE:
            # optparse: -rfile is -r file.
            name, equals, value = word[:2], "=", word[2:]
        if not word.startswith("-"):
            # What is left over is ignored by pip.
            continue
        if name.startswith("--") and name not in _WITH_VALUE and name not in _FLAGS:
            name = _completed(name)
        if name in _FLAGS:
            pairs.append((name.lstrip("-"), ""))
        elif name in _WITH_VALUE:
            if not equals:
                if not rest:
                    raise LineError(f"{name} in {line!r} has no value.", "Write its value behind it.")
                value = rest.pop(0)
            pairs.append((_WITH_VALUE[name], value))
        else:
            raise LineError(
                f"pip knows no option {name} in a requirements file ({line!r}).",
                "Remove it: only index, find-links, constraint and hash options are read there.",
            )
    return pairs


def _completed(name: str) -> str:
    """Return the option that `name` abbreviates, as optparse does; `name` itself where there is none, or several."""
    found = {each for each in (*_WITH_VALUE, *_FLAGS) if each.startswith(name)}
    return found.pop() if len(found) == 1 else name


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What option lines set for the whole installation."""

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    no_binary: tuple[str, ...] = ()
    only_binary: tuple[str, ...] = ()
    no_index: bool = False
    prereleases: bool = False
    require_hashes: bool = False
    prefer_binary: bool = False
    other: tuple[str, ...] = field(default=())

    def with_line(self, line: LineOptions, find: Callable[[str], str]) -> "FileOptions":
        """Return the options with those of one more line; `find` says where a --find-links lies."""
        result = self
        for name, value in line.values:
            result = result._with(name, find(value) if name == "find-links" else value)
        return result

    def _with(self, name: str, value: str) -> "FileOptions":
        match name:
            case "index-url":
                return replace(self, index_url=value, no_index=False)
            case "extra-index-url":
                return replace(self, extra_index_urls=(*self.extra_index_urls, value))
            case "find-links":
                return replace(self, find_links=(*self.find_links, value))
            case "trusted-host":
                return replace(self, trusted_hosts=(*self.trusted_hosts, value))
            case "no-binary":
                return replace(self, no_binary=(*self.no_binary, *value.split(",")))
            case "only-binary":
                return replace(self, only_binary=(*self.only_binary, *value.split(",")))
            case "no-index":
                return replace(self, no_index=True, index_url=None, extra_index_urls=())
            case "pre":
                return replace(self, prereleases=True)
            case "require-hashes":
                return replace(self, require_hashes=True)
            case "prefer-binary":
                return replace(self, prefer_binary=True)
            case _:
                return replace(self, other=(*self.other, name))
