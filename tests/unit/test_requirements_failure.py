"""What is said when requirements cannot be installed."""

from pathlib import Path

import pytest

from mwaa_local.errors import EnvironmentBuildError, RequirementsError
from mwaa_local.requirements_files import NamedRequirement, RequirementsFiles
from mwaa_local.runtime.requirements_failure import is_metadata_failure, requirements_failure

HOME = Path("/project/requirements.txt")
WORK = Path("/project/.mwaa-local/requirements")


def files(*lines: str) -> RequirementsFiles:
    named = tuple(
        NamedRequirement(line.split("=")[0], HOME, number, line, True)
        for number, line in enumerate(lines, start=1)
    )
    return RequirementsFiles(
        texts=(("requirements.txt", "\n".join(lines)),),
        sources=(("requirements.txt", HOME),),
        requirements=named,
        local_files=(),
        has_constraints=True,
        has_extra_index=False,
        trusted_hosts=(),
        prereleases=False,
    )


def test_the_guilty_line_is_named() -> None:
    output = "  cause: Because there is no version of Good_Name==9 and you require good-name==9, ..."
    error = requirements_failure(output, files("other==1", "good-name==9"), WORK)
    assert isinstance(error, RequirementsError)
    assert error.message.startswith(f"{HOME}:2: good-name==9: cannot be installed.\n")


def test_a_pin_against_the_constraints_is_explained() -> None:
    output = "Because you require requests==2.31.0 and requests==2.26.0, we can conclude that ..."
    hint = requirements_failure(output, files("requests==2.31.0"), WORK).hint
    assert hint == "requests is pinned to 2.31.0 and to 2.26.0, once by the constraints: use theirs."


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("error sending request for url (x)", "The package index cannot be reached"),
        (
            "error: command 'gcc' failed: No such file or directory",
            "A package without a wheel has to be compiled",
        ),
        ("Because a==1 depends on b<2 and you require b>3", "MWAA's pip would refuse this, too."),
        ("Because x was not found in the package registry", "Check the name and the version"),
    ],
)
def test_each_kind_of_failure_has_a_next_step(output: str, hint: str) -> None:
    assert requirements_failure(output, files("x==1"), WORK).hint.startswith(hint)


def test_a_full_disk_is_not_blamed_on_the_requirements() -> None:
    error = requirements_failure(
        "failed to write: No space left on device (os error 28)", files("x==1"), WORK
    )
    assert isinstance(error, EnvironmentBuildError)
    assert error.message.startswith("The disk is full")


def test_the_users_file_is_named_instead_of_the_rewritten_one() -> None:
    error = requirements_failure(f"error: Couldn't parse `{WORK}/requirements.txt:3:1`", files("x==1"), WORK)
    assert "/project/requirements.txt:3:1" in error.message
    assert ".mwaa-local" not in error.message


def test_passwords_in_addresses_are_hidden() -> None:
    error = requirements_failure("Failed to fetch: https://user:hunter2@host/simple/x/", files("x==1"), WORK)
    assert "hunter2" not in error.message
    assert "https://***@host/simple/x/" in error.message


def test_metadata_that_only_old_pips_read_is_recognised() -> None:
    assert is_metadata_failure("Failed to parse metadata from built wheel")
    assert not is_metadata_failure("No solution found when resolving dependencies")
