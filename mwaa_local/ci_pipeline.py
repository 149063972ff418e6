"""A pipeline file for a project: checks, the plan on pull requests, a deploy on each push to a branch. Pure.

The text is in `templates/ci/`; what is here fills it in.
"""

import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_TEMPLATES = Path(__file__).with_name("templates") / "ci"
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_VARIABLE = re.compile(r"(?<!\$)(?:\$\$)*\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TRUTH = ("true", "false", "yes", "no", "on", "off", "y", "n", "null")
_MAIN = ("prod", "production", "live", "main", "master")
REGION_VARIABLE = "AWS_REGION"
_REPORTS = "/tmp/reports"  # noqa: S108  # on the machine of the build, which is thrown away


class CiSystem(StrEnum):
    """What runs the pipeline."""

    CODEBUILD = "codebuild"
    GITHUB = "github"
    GITLAB = "gitlab"

    @property
    def file(self) -> Path:
        """Return where the system looks for its file, from the top of the repository."""
        return {
            CiSystem.CODEBUILD: Path(".aws/buildspec.yml"),
            CiSystem.GITHUB: Path(".github/workflows/mwaa.yml"),
            CiSystem.GITLAB: Path(".gitlab-ci.yml"),
        }[self]


@dataclass(frozen=True, slots=True)
class PipelineDeployment:
    """A deployment and the branch whose pushes reach it."""

    name: str
    branch: str
    region: str | None
    """None: it depends on a variable."""
    variables: tuple[str, ...]
    """Those that its section needs."""
    has_profile: bool


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a pipeline file is made for."""

    folder: str
    """Of the project in the repository; empty at its top."""
    requirements: bool
    tests: str | None
    """The folder of the project's tests in the repository."""
    deployments: tuple[PipelineDeployment, ...]
    package: str
    """What pip installs."""


def default_branch(name: str, alone: bool) -> str:
    """Return the branch that a deployment is probably made from."""
    return "main" if alone or name.lower() in _MAIN else name


def is_branch(name: str) -> bool:
    """Tell whether a branch can have this name, and nothing in it means something to a pipeline or a shell."""
    return bool(_BRANCH.fullmatch(name)) and ".." not in name and not name.endswith(("/", ".", ".lock"))


def find_variables(value: object) -> tuple[str, ...]:
    """Return the names of the `${VARIABLES}` in a value of the configuration, at any depth."""
    match value:
        case str():
            return tuple(dict.fromkeys(_VARIABLE.findall(value)))
        case dict():
            return _unique(name for each in value.values() for name in find_variables(each))
        case list():
            return _unique(name for each in value for name in find_variables(each))
        case _:
            return ()


def render_pipeline(system: CiSystem, pipeline: Pipeline) -> str:
    """Return the pipeline file."""
    match system:
        case CiSystem.GITHUB:
            return _github(pipeline)
        case CiSystem.GITLAB:
            return _gitlab(pipeline)
        case CiSystem.CODEBUILD:
            return _codebuild(pipeline)


class _Text(string.Template):
    """A template whose placeholders are @name: dollars belong to the pipelines."""

    delimiter = "@"


def _github(pipeline: Pipeline) -> str:
    variables = _variables(pipeline)
    setup = _fill("github-setup", {"package": _quoted(pipeline.package)})
    jobs = []
    for job, each in _jobs(pipeline):
        env = {name: f"${{{{ vars.{name} }}}}" for name in each.variables}
        words = {
            "name": each.name,
            "environment": _scalar(each.name),
            "job": job,
            "branch": each.branch,
            "region": each.region or f"${{{{ vars.{REGION_VARIABLE} }}}}",
            "variables": "\n    env:" + _entries(env, 6) if env else "",
            "setup": setup,
        }
        jobs.append(_fill("github-deployment", words))
    return (
        _fill(
            "github",
            {
                **_common(pipeline, needs_region=True),
                "branches": ", ".join(_scalar(branch) for branch in _branches(pipeline)),
                "variables": f"\nenv:{_entries(variables, 2)}\n" if variables else "",
                "setup": setup,
                "checks": "\n".join(f"      - run: {line}" for line in _checks(pipeline)),
                "deployments": "\n".join(jobs),
            },
        )
        + "\n"
    )


def _gitlab(pipeline: Pipeline) -> str:
    cached = [_inside(pipeline, "mwaa-local.toml")]
    cached += [_inside(pipeline, "requirements.txt")] if pipeline.requirements else []
    words = {
        **_common(pipeline),
        "rules": "\n".join(f'    - if: $CI_COMMIT_BRANCH == "{branch}"' for branch in _branches(pipeline)),
        "cached": ", ".join(cached),
        "variables": _entries(_variables(pipeline), 2),
        "package": _quoted(pipeline.package),
        "checks": "\n".join(f"    - {line}" for line in _checks(pipeline, ".")),
        "deployments": "\n".join(_deployments("gitlab", pipeline)),
    }
    return _fill("gitlab", words) + "\n"


def _codebuild(pipeline: Pipeline) -> str:
    common = _common(pipeline)
    words = {
        **common,
        "needs": f"\n# The build project's environment needs{common['needs']}" if common["needs"] else "",
        "variables": _entries(_variables(pipeline), 4),
        "package": _quoted(pipeline.package),
        "checks": "\n".join(f"      - {line}" for line in _checks(pipeline, _REPORTS)),
        "deployments": "\n".join(_deployments("codebuild", pipeline)),
    }
    return _fill("codebuild", words) + "\n"


def _deployments(system: str, pipeline: Pipeline) -> list[str]:
    return [
        _fill(
            f"{system}-deployment",
            {"name": each.name, "environment": _scalar(each.name), "job": job, "branch": each.branch},
        )
        for job, each in _jobs(pipeline)
    ]


def _jobs(pipeline: Pipeline) -> list[tuple[str, PipelineDeployment]]:
    """Return the deployments with names that jobs can have, no two of them the same."""
    named: dict[str, PipelineDeployment] = {}
    for each in pipeline.deployments:
        plain = job = _UNSAFE.sub("-", each.name)
        while job in named:
            job = f"{plain}-{len(named) + 1}"
        named[job] = each
    return list(named.items())


def _common(pipeline: Pipeline, *, needs_region: bool = False) -> dict[str, str]:
    names = [name for each in pipeline.deployments for name in each.variables]
    names += [REGION_VARIABLE for each in pipeline.deployments if needs_region and each.region is None]
    return {
        "environments": ", ".join(each.name for each in pipeline.deployments),
        "needs": "".join(
            f"\n#   - the variable {name}, which mwaa-local.toml uses" for name in _unique(names)
        ),
    }


def _checks(pipeline: Pipeline, reports: str | None = None) -> list[str]:
    names = ["validate", *(["test-requirements"] if pipeline.requirements else []), "test-dags"]
    lines = [
        f"mwaa-local {name}{f' --junit {reports}/{name}.junit.xml' if reports else ''}" for name in names
    ]
    if pipeline.tests is not None:
        report = f" --junitxml={reports}/pytest.junit.xml" if reports else ""
        lines.append(f"mwaa-local pytest {_quoted(pipeline.tests)}{report}")
    return lines


def _variables(pipeline: Pipeline) -> dict[str, str]:
    variables = {"MWAA_LOCAL_PROJECT": _quoted(pipeline.folder)} if pipeline.folder else {}
    # The profile of the configuration is for people; a pipeline has a role.
    has_profile = any(each.has_profile for each in pipeline.deployments)
    return variables | ({"MWAA_LOCAL_PROFILE": "none"} if has_profile else {})


def _entries(variables: Mapping[str, str], indent: int) -> str:
    return "".join(f"\n{' ' * indent}{name}: {value}" for name, value in variables.items())


def _branches(pipeline: Pipeline) -> tuple[str, ...]:
    return _unique(each.branch for each in pipeline.deployments)


def _inside(pipeline: Pipeline, name: str) -> str:
    return f"{pipeline.folder}/{name}" if pipeline.folder else name


def _fill(template: str, words: Mapping[str, str]) -> str:
    text = (_TEMPLATES / f"{template}.yml.tmpl").read_text(encoding="utf-8")
    return _Text(text).substitute(words).rstrip("\n")


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9][\w.=/+-]*", text) else f"'{text}'"


def _scalar(text: str) -> str:
    """Return a text as YAML has it: in quotes where it would be a number or a truth value."""
    is_plain = re.fullmatch(r"[A-Za-z][\w./-]*", text) and text.lower() not in _TRUTH
    return text if is_plain else f"'{text}'"


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
