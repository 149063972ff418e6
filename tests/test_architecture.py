"""The architecture as a test: who may import whom, which outside libraries each layer may use, and how big things get.

Everything is read from the source with `ast`; nothing is imported. An exception to a rule is listed here with its
reason, and an exception that is no longer needed fails too.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mwaa_local"
FEATURES = frozenset({"validation", "deploy", "runtime", "aws"})

FILE_LINES = 300
FUNCTION_LINES = 50

MAY_IMPORT: dict[str, frozenset[str]] = {
    "cli": frozenset({"cli", "adapters", "values", "foundation"}) | FEATURES,
    **{feature: frozenset({feature, "values", "foundation"}) for feature in FEATURES},
    "values": frozenset({"values", "foundation"}),
    "foundation": frozenset({"foundation"}),
    "adapters": frozenset({"adapters", "values", "foundation"}),
    "inside": frozenset({"inside"}),
}
"""Layer -> the layers that it may import; `foundation` is ports, errors and the version number."""

OUTSIDE: dict[str, frozenset[str]] = {
    "cli": frozenset({"click", "rich", "uv"}),
    "validation": frozenset({"packaging"}),
    "deploy": frozenset({"packaging", "pathspec"}),
    "runtime": frozenset({"yaml"}),
    "aws": frozenset({"boto3", "botocore", "cryptography", "moto", "werkzeug", "yaml"}),
    "values": frozenset({"packaging"}),
    "foundation": frozenset(),
    "adapters": frozenset({"boto3", "botocore", "docker", "psutil", "requests", "urllib3"}),
    "inside": frozenset(
        {
            "airflow",
            "boto3",
            "botocore",
            "celery",
            "cryptography",
            "flask",
            "flask_login",
            "gunicorn",
            "jinja2",
            "kombu",
            "psycopg2",
            "pycurl",
            "pytest",
            "setproctitle",
            "sqlalchemy",
            "starlette",
            "statsd",
        }
    ),
}
"""Layer -> the libraries outside the standard one that it may import; those of `inside` are Airflow's own."""

MAKERS_OF_ADAPTERS: dict[str, str] = {
    "mwaa_local.cli.app": "the composition of commands",
    "mwaa_local.cli.checks": "the composition of `validate` and of what a deployment checks first",
    "mwaa_local.cli.containers": "the composition of what runs in containers",
    "mwaa_local.cli.endpoint": "the endpoint's process, composed by itself",
    "mwaa_local.cli.look": "the composition of commands that only look and must answer in milliseconds",
    "mwaa_local.cli.resolver_tools": "the composition of the checks that resolve requirements and start nothing",
    "mwaa_local.cli.supervise": "the supervisor's process, composed by itself",
}
"""The modules of `cli` that may make adapters, and why."""

REACHING_OUT = frozenset(
    {
        "asyncio",
        "ftplib",
        "http.client",
        "http.server",
        "multiprocessing",
        "smtplib",
        "socket",
        "socketserver",
        "ssl",
        "subprocess",
        "urllib.request",
    }
)
"""Parts of the standard library that only adapters (and what runs inside Airflow) use."""

PROCESSES = frozenset(
    f"os.{name}" for name in ("fork", "forkpty", "kill", "killpg", "popen", "system", "posix_spawn")
) | frozenset(
    f"os.{kind}{form}" for kind in ("exec", "spawn") for form in ("l", "le", "v", "ve", "vp", "vpe")
)
CLOCK_AND_VARIABLES = frozenset(
    {"os.environ", "os.getenv", "time.time", "time.sleep", "time.monotonic", "datetime.now", "date.today"}
)
SPEAKING = frozenset({"print", "input", "exit", "quit", "sys.exit", "os._exit", "sys.stdout", "sys.stderr"})

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("mwaa_local.aws.web_doors.commands", "socket"): "part of a server: speaks with the command server",
    ("mwaa_local.aws.web_doors.listener", "http.client"): "part of a server: passes answers on",
    ("mwaa_local.aws.web_doors.listener", "http.server"): "part of a server",
    ("mwaa_local.aws.web_doors.listener", "socket"): "part of a server",
    ("mwaa_local.aws.web_doors.listener", "socketserver"): "part of a server",
    ("mwaa_local.aws.web_doors.listener", "ssl"): "part of a server",
    ("mwaa_local.aws.web_doors.listener", "time.time"): "part of a server: tokens expire by the real clock",
    ("mwaa_local.aws.web_doors.web_server", "http.client"): "part of a server: a proxy's other side",
    ("mwaa_local.aws.exchange", "socket"): "part of a server: looks whether its client still listens",
    ("mwaa_local.aws.listening", "socket"): "part of a server: listens before it serves",
    ("mwaa_local.aws.metrics.receiver", "socket"): "part of a server: receives datagrams",
    ("mwaa_local.aws.metrics.service", "time.time"): "part of a server: metrics are of the real time",
    ("mwaa_local.aws.forward", "asyncio"): "a server of its own: passes connections on",
    ("mwaa_local.aws.server", "os.environ"): "a program of its own: moto is configured by variables",
    ("mwaa_local.aws.server", "time.time"): "a program of its own: hands the clock to the MWAA API",
    ("mwaa_local.aws.environments.rest", "time.time"): "part of a server: counts the calls of a second",
    (
        "mwaa_local.aws.attached",
        "os.environ",
    ): "a program of its own: takes the key of the tokens out of them",
    ("mwaa_local.aws.queues", "time.monotonic"): "part of a server: the length of a long poll",
    ("mwaa_local.aws.credentials", "datetime.now"): "part of a server: credentials expire by the real clock",
    ("mwaa_local.runtime.postgres_launcher", "os.execv"): "a program of its own that becomes PostgreSQL",
}
"""(module, what it uses) -> why it may."""

BIG_FUNCTIONS: dict[tuple[str, str], str] = {}
"""(file, function) -> why it may have more lines than the limit."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the package, read and parsed."""

    name: str
    layer: str
    tree: ast.Module

    def imports(self) -> Iterator[str]:
        """Yield the dotted name of everything that is imported, at the top or later."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name}: relative import"
                yield node.module or ""
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def uses(self) -> Iterator[str]:
        """Yield the bare names and the `module.attribute` pairs that the code mentions."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                yield f"{node.value.id}.{node.attr}"
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(name: str) -> str:
    """Return the layer of one of our modules by its dotted name."""
    if name.startswith("mwaa_inside"):
        return "inside"
    part = name.split(".")[1] if "." in name else "ports"
    if part in FEATURES | {"cli", "adapters", "inside"}:
        return part
    return (
        "foundation" if part in {"errors", "ports", "aws_ports", "docker_ports", "__version__"} else "values"
    )


def source_files(*folders: Path) -> Iterator[Path]:
    """Yield our Python files; the data folders that are linked into the package and users' projects are not ours."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            linked = not path.resolve().is_relative_to(folder)
            if not linked and not {"projects", "templates"} & set(path.parts):
                yield path


def package_modules() -> Iterator[Module]:
    for path in source_files(PACKAGE):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, layer_of(name), ast.parse(path.read_text(encoding="utf-8"), str(path)))


MODULES = tuple(package_modules())


def is_ours(name: str) -> bool:
    return name.split(".")[0] in ("mwaa_local", "mwaa_inside")


def breaches(layers: Iterable[str], forbidden: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (module, what) for what modules of `layers` import or use although it is forbidden to them."""
    chosen = frozenset(layers)
    for module in MODULES:
        if module.layer in chosen:
            found = {*module.imports(), *module.uses()} & forbidden
            yield from ((module.name, what) for what in sorted(found))


def unexpected(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [breach for breach in found if breach not in EXCEPTIONS]


BELOW_CLI = MAY_IMPORT.keys() - {"cli", "inside"}
PURE = BELOW_CLI - {"adapters"}


def test_each_layer_imports_only_the_layers_below_it() -> None:
    wrong = [
        f"{module.name} ({module.layer}) imports {name} ({layer_of(name)})"
        for module in MODULES
        for name in module.imports()
        if is_ours(name) and layer_of(name) not in MAY_IMPORT[module.layer]
    ]
    assert wrong == []


def test_nothing_of_ours_outside_is_imported_inside_airflow() -> None:
    wrong = [
        f"{module.name} imports {name}"
        for module in MODULES
        for name in module.imports()
        if (module.layer == "inside" and name.startswith("mwaa_local"))
        or (module.layer != "inside" and name.startswith("mwaa_inside"))
    ]
    assert wrong == []


def test_each_layer_imports_only_its_outside_libraries() -> None:
    wrong = {
        f"{module.name} ({module.layer}) imports {name.split('.')[0]}"
        for module in MODULES
        for name in module.imports()
        if not is_ours(name) and name.split(".")[0] not in sys.stdlib_module_names | OUTSIDE[module.layer]
    }
    assert wrong == set()


def test_only_composition_makes_adapters() -> None:
    wrong = {
        module.name
        for module in MODULES
        for name in module.imports()
        if module.layer == "cli" and name.startswith("mwaa_local.adapters")
    }
    assert wrong == MAKERS_OF_ADAPTERS.keys()


def test_only_adapters_start_processes_and_open_sockets() -> None:
    assert unexpected(breaches(PURE | {"cli"}, REACHING_OUT | PROCESSES)) == []


def test_clock_and_variables_reach_the_rest_through_ports() -> None:
    assert unexpected(breaches(PURE, CLOCK_AND_VARIABLES)) == []


def test_only_the_command_line_speaks_and_exits() -> None:
    assert unexpected(breaches(BELOW_CLI, SPEAKING)) == []


def test_every_exception_is_still_needed() -> None:
    everything = REACHING_OUT | PROCESSES | CLOCK_AND_VARIABLES | SPEAKING
    assert EXCEPTIONS.keys() - set(breaches(MAY_IMPORT, everything)) == set()
    assert BIG_FUNCTIONS.keys() - set(big_functions()) == set()


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in all_sources()
    }
    assert {name: lines for name, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_the_limit() -> None:
    assert [each for each in big_functions() if each not in BIG_FUNCTIONS] == []


def all_sources() -> Iterator[Path]:
    return source_files(PACKAGE, ROOT / "tests", ROOT / "bench", ROOT / "images")


def big_functions() -> Iterator[tuple[str, str]]:
    """Yield (file, function) for every function with more lines than the limit, decorators not counted."""
    for path in all_sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                end = node.end_lineno or node.lineno
                if end - node.lineno + 1 > FUNCTION_LINES:
                    yield str(path.relative_to(ROOT)), node.name
