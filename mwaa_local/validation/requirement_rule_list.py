"""What `validate --list` says of the rules about requirements; the checks themselves make their findings case by case.

A test holds this list against the names that the checks use.
"""

from mwaa_local.validation.finding import Severity
from mwaa_local.validation.rule import Rule

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741
_PIP = "pip, in the version that MWAA has"

REQUIREMENT_LINE_RULES: tuple[Rule, ...] = (
    Rule(
        "requirements-encoding",
        E,
        "requirements.txt is not UTF-8, and pip stops with an exception.",
        "Save it as UTF-8.",
        _PIP,
    ),
    Rule("requirements-syntax", E, "A line is none that pip can read.", "Write it as name==version.", _PIP),
    Rule(
        "requirements-include-missing",
        E,
        "A file that is included with -r or -c is not there.",
        "Correct the path; on MWAA the project's dags/ is /usr/local/airflow/dags.",
        _PIP,
    ),
    Rule(
        "requirements-include-loop",
        E,
        "A file includes itself with -r or -c.",
        "Remove one of the lines.",
        _PIP,
    ),
    Rule(
        "requirements-no-constraint",
        W,
        "requirements.txt names no constraints: a warning before 2.7.2, a note where MWAA forces its own.",
        "Begin the file with the constraints of the version.",
        "MWAA-FACTS 3.1",
    ),
    Rule(
        "requirements-unpinned",
        W,
        "A line has no fixed version, and no constraint pins it.",
        "Write name==version.",
        "MWAA-FACTS 3.3",
    ),
    Rule(
        "requirements-no-git",
        E,
        "A line needs git, and the image of that version has none.",
        "Build a wheel and put it into plugins.zip, or name an archive's https address.",
        "MWAA-FACTS 3.4",
    ),
    Rule(
        "requirements-needs-network",
        W,
        "A line names an address: a private web server cannot reach it.",
        "Put a wheel into plugins.zip and name its path.",
        "MWAA-FACTS 11.3 #1",
    ),
    Rule(
        "requirements-editable",
        W,
        "A line asks for an editable install, which MWAA does not document.",
        "Build a wheel, or put the package into dags/ or plugins/.",
        "MWAA-FACTS 3.4",
    ),
    Rule(
        "requirements-wrong-wheel",
        E,
        "A line names a wheel for another Python or platform than MWAA's.",
        "Build it for Linux x86_64 and MWAA's Python, or for any (py3-none-any).",
        "MWAA-FACTS 3.4",
    ),
    Rule(
        "requirements-os-package",
        W,
        "A line names a package of an operating system, not of Python.",
        "Remove it; install it in the startup script if it is needed.",
        "MWAA-FACTS 3.4",
    ),
    Rule(
        "requirements-system-library",
        W,
        "A package needs a library or a program that MWAA's image has not: it installs, and fails when it is used.",
        "Install it in the startup script, or put it into plugins.zip.",
        "MWAA-FACTS 3.4",
    ),
    Rule("requirements-skipped", I, "A line's marker is false on MWAA: it is not installed.", "", "PEP 508"),
)
"""What lines alone tell: `validate` and `test-requirements`."""

REQUIREMENT_OUTCOME_RULES: tuple[Rule, ...] = (
    Rule(
        "requirements-conflict",
        E,
        "The requirements cannot be installed together: pip installs nothing.",
        "Change one of the versions that are named.",
        _PIP,
    ),
    Rule(
        "requirements-no-package",
        E,
        "The index has no package of this name.",
        "Check the spelling, and the index that is asked.",
        _PIP,
    ),
    Rule(
        "requirements-no-version",
        E,
        "The index has no such version of the package: it never had, or it has been removed.",
        "Take a version that exists; the finding names the newest that fits.",
        _PIP,
    ),
    Rule(
        "requirements-other-python",
        E,
        "The version that is asked for is not for MWAA's Python.",
        "Take a version for it; the finding names the newest.",
        _PIP,
    ),
    Rule(
        "requirements-yanked",
        W,
        "A version that its authors have withdrawn is installed all the same.",
        "Take another version.",
        "PEP 592",
    ),
    Rule(
        "requirements-watchtower",
        W,
        "The requirements change watchtower; MWAA puts its own back afterwards.",
        "Do not count on another watchtower.",
        "MWAA-FACTS 1.3",
    ),
    Rule(
        "requirements-needs-index",
        I,
        "Packages come from a package index, which a private web server cannot reach.",
        "For such an environment: mwaa-local package-requirements.",
        "MWAA-FACTS 11.3 #1",
    ),
    Rule(
        "requirements-constraint-conflict",
        E,
        "A line contradicts a constraint: pip installs nothing.",
        "Use the constraint's version, or change the pin in a copy of the constraints in dags/ (--fix writes both).",
        "MWAA-FACTS 3.1",
    ),
    Rule(
        "requirements-essential",
        E,
        "A line contradicts a package that MWAA lets nobody change (2.9.2 on).",
        "Use MWAA's version of it.",
        "MWAA-FACTS 3.1",
    ),
    Rule(
        "requirements-airflow-changed",
        E,
        "Installing would replace Airflow itself by another version.",
        "Use the version's constraints, and packages that work with this Airflow.",
        "MWAA-FACTS 11.3 #3",
    ),
    Rule(
        "requirements-airflow-broken",
        E,
        "pip succeeds, but Airflow does not start any more.",
        "Pin the package that is named to the version of the constraints.",
        "MWAA-FACTS 11.3 #3",
    ),
    Rule(
        "requirements-package-broken",
        W,
        "pip succeeds, but a package that Airflow need not have does not work any more.",
        "Pin what it needs to the version of the constraints.",
        "MWAA-FACTS 11.3 #3",
    ),
    Rule(
        "requirements-core-changed",
        W,
        "A package that Airflow stands on becomes another version.",
        "Test the environment with --install before you deploy.",
        "MWAA-FACTS 11.3 #3",
    ),
    Rule(
        "requirements-source-build",
        W,
        "A package has no wheel for MWAA: pip compiles it; an error where the image cannot.",
        "Pin a version that has a wheel, or put a wheel into plugins.zip.",
        "MWAA-FACTS 3.4",
    ),
    Rule(
        "requirements-newer-system",
        W,
        "A package has wheels, but for a newer C library than MWAA's: pip compiles it there, which often fails.",
        "Pin an older version that has a wheel for MWAA's, or put a wheel into plugins.zip.",
        "MWAA-FACTS 3.4",
    ),
    Rule(
        "requirements-hash",
        E,
        "Hashes are incomplete or wrong: one line with a hash makes pip demand them of all.",
        "Write the hashes of every package, dependencies too, or none.",
        _PIP,
    ),
    Rule(
        "requirements-not-checked",
        W,
        "The index, or a file that the requirements name, cannot be reached: there is no verdict.",
        "Check the network and the index settings; mwaa-local test-requirements asks again.",
        "MWAA-FACTS 3.1",
    ),
    Rule(
        "requirements-slow",
        W,
        "There is so much to download that the nine minutes may not do.",
        "Leave out what tasks do not need, or run it elsewhere.",
        "MWAA-FACTS 3.1",
    ),
)
"""What comes of installing them: `test-requirements`; with --install also `requirements-trial-STEP` for a step."""
