"""Debian's programs in an image after what `images/install_system.sh` takes out of them: AWS CLI, Java, compilers."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from mwaa_local.adapters.docker_engine import SdkEngine, connect_engine
from mwaa_local.catalog import load_version
from mwaa_local.docker_ports import ContainerOrder
from mwaa_local.runtime.image import ImageWishes, make_recipe
from mwaa_local.runtime.image_build import BuildSite, build_image
from tests.docker_engine import PrivateEngine
from tests.e2e.container_environment import base_image, open_engine

pytestmark = pytest.mark.docker

# Debian's list of what it has installed says what the package was before.
READ_MODELS = r"""
import collections, json, pathlib, re
from awscli.botocore.loaders import Loader
from awscli.botocore.session import Session

shipped = collections.defaultdict(set)
for line in pathlib.Path("/var/lib/dpkg/info/awscli.list").read_text().splitlines():
    found = re.search(r"/botocore/data/(.+)/([^/]+)/([a-z-]+-\d)(?:\.sdk-extras)?\.json$", line)
    if found:
        shipped[found[3]].add(found[1])
loader = Loader()
loaded = collections.Counter()
for kind, services in shipped.items():
    assert set(loader.list_available_services(kind)) == services, kind
    for service in services:
        for version in loader.list_api_versions(service, kind):
            model = loader.load_service_model(service, kind, version)
            assert model, (service, kind)
            if kind == "service-2":
                assert model["metadata"]["apiVersion"] and model["operations"], service
            loaded[kind] += 1
session = Session()
assert len(session.get_available_services()) == len(shipped["service-2"])
operations = session.get_service_model("s3").operation_names
assert "PutObject" in operations and "ListObjectsV2" in operations
assert session.get_available_regions("sqs")
print(json.dumps(loaded))
"""
USE_CLI = r"""
set -e
at() { aws --endpoint-url "$ENDPOINT" --output text "$@"; }
aws --version | cut -d/ -f1
at s3 mb s3://orders
mkdir /tmp/day && echo one > /tmp/day/1.txt && echo two > /tmp/day/2.txt
at s3 cp --recursive --no-progress --quiet /tmp/day s3://orders/day
at s3 ls s3://orders/day/ | awk '{print $3, $4}'
at s3 cp s3://orders/day/2.txt -
at s3api wait object-exists --bucket orders --key day/1.txt
at s3api list-objects-v2 --bucket orders --page-size 1 --query 'Contents[].Key'
queue=$(at sqs create-queue --queue-name work --query QueueUrl)
at sqs send-message --queue-url "$queue" --message-body hello --query MD5OfMessageBody
at sqs receive-message --queue-url "$queue" --query 'Messages[].Body'
at secretsmanager list-secrets --query 'length(SecretList)'
at s3api head-object --bucket orders --key none 2>&1 >/dev/null | grep -o 'Not Found' || true
aws no-such-service 2>&1 >/dev/null | grep -o 'argument command: Invalid choice' || true
"""
USED_CLI = [
    "aws-cli",
    "make_bucket: orders",
    "4 1.txt",
    "4 2.txt",
    "two",
    "day/1.txt",
    "day/2.txt",
    "5d41402abc4b2a76b9719d911017c592",
    "hello",
    "0",
    "Not Found",
    "argument command: Invalid choice",
]
USE_JAVA = r"""
set -e
java -version 2>&1 | head -n 1 | cut -d' ' -f1
java --list-modules | sed 's/@.*//' | grep -Ex 'java.se|java.sql|java.desktop|jdk.compiler|jdk.jlink'
java --validate-modules java.se
java --add-modules ALL-SYSTEM --show-module-resolution -version 2> /dev/null | grep -o '^root java.xml jrt'
keytool -genkeypair -keyalg RSA -alias own -dname CN=own -keystore /tmp/keys -storepass changeit 2> /dev/null
keytool -list -keystore /tmp/keys -storepass changeit | grep -o 'own, .*PrivateKeyEntry' | cut -d, -f1
keytool -list -cacerts -storepass changeit | grep -c trustedCertEntry | sed 's/^[1-9][0-9]*$/trusted/'
command -v javac || echo no compiler
"""
USED_JAVA = [
    "openjdk",
    "java.desktop",
    "java.se",
    "java.sql",
    "root java.xml jrt",
    "own",
    "trusted",
    "no compiler",
]
# What packages without a wheel are compiled against on MWAA: psycopg2, pycurl, mysqlclient, sasl, pyodbc, cryptography.
EXTENSION = r"""
#include <Python.h>
#include <curl/curl.h>
#include <libpq-fe.h>
#include <mysql.h>
#include <openssl/ssl.h>
#include <sasl/sasl.h>
#include <sql.h>

static PyObject *versions(PyObject *self, PyObject *none) {
    SQLHANDLE odbc = NULL;
    int made = SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &odbc) == SQL_SUCCESS;
    if (made) SQLFreeHandle(SQL_HANDLE_ENV, odbc);
    sasl_done();
    return Py_BuildValue("iiiii", curl_version_info(CURLVERSION_NOW)->version_num > 0, PQlibVersion() > 0,
        mysql_get_client_version() > 0, OpenSSL_version_num() > 0, made);
}
static PyMethodDef methods[] = {{"versions", versions, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "own", NULL, -1, methods};
PyMODINIT_FUNC PyInit_own(void) { return PyModule_Create(&module); }
"""
PLUS = r"""
#include <Python.h>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

static PyObject *length(PyObject *self, PyObject *none) {
    std::map<std::string, int> counted;
    std::thread other([&] { counted["one"] = 1; });
    other.join();
    try { counted.at("two"); } catch (const std::out_of_range &) { counted["two"] = 2; }
    return PyLong_FromLong(counted.size());
}
static PyMethodDef methods[] = {{"length", length, METH_NOARGS, NULL}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "plus", NULL, -1, methods};
PyMODINIT_FUNC PyInit_plus(void) { return PyModule_Create(&module); }
"""
SETUP = r"""
import subprocess
from setuptools import Extension, setup

def flags(kind):
    names = ["libcurl", "libmariadb", "libpq", "libsasl2", "odbc", "openssl"]
    return subprocess.check_output(["pkg-config", kind, *names]).decode().split()

own = Extension("own", ["own.c"], extra_compile_args=flags("--cflags"), extra_link_args=flags("--libs"))
plus = Extension("plus", ["plus.cpp"])
setup(name="own", version="1.0", ext_modules=[own, plus], py_modules=[])
"""
COMPILE = r"""
set -e
tar -C /tmp -czf /tmp/own-1.0.tar.gz own-1.0
export PIP_DISABLE_PIP_VERSION_CHECK=1
pip3 install --quiet --no-index --no-build-isolation /tmp/own-1.0.tar.gz 2>&1 | { grep -v DEPRECATION || true; }
python3 -c 'import own, plus; print(own.versions(), plus.length())'
"""


@dataclass(frozen=True, slots=True)
class System:
    """An image without Airflow, and the engine that has it."""

    engine: SdkEngine
    owner: PrivateEngine
    image: str

    def ask(self, script: str, *files: tuple[str, bytes], endpoint: str = "") -> list[str]:
        """Run a script in a container, with a network if it has an endpoint to call."""
        lines: list[str] = []
        account = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "eu-west-1"}
        order = ContainerOrder(
            self.image,
            ("bash", "-o", "pipefail", "-c", script),
            environment=tuple({**account, "ENDPOINT": endpoint}.items()),
            folder="/tmp",
            files=files,
            network=bool(endpoint),
        )
        assert self.engine.run(order, lines.append).exit_code == 0, lines
        return lines


class Quiet:
    """Progress that says nothing."""

    @contextmanager
    def following(self, _title: str) -> Iterator[object]:
        yield lambda _text: None


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """What lies below Airflow 2.2.2 as an image, which another file may have built already."""
    owner = open_engine()
    base = base_image(owner, "3.7", Path(os.environ["MWAA_LOCAL_CACHE"]))
    sdk = connect_engine({"DOCKER_HOST": owner.address}, Path("/nowhere"), 0)
    recipe = make_recipe(load_version("2.2.2"), "2.4.0", ImageWishes(base_image=base), "0.8.0")
    site = BuildSite(sdk, tmp_path_factory.mktemp("wheels"), lambda _lock: nullcontext(), {}, Quiet())  # type: ignore[arg-type]
    built = build_image(replace(recipe, pins=()), site)
    yield System(sdk, owner, built.tags[0])
    sdk.close()


@pytest.fixture
def aws(system: System) -> Iterator[str]:
    """An AWS endpoint that only containers of this engine reach."""
    form = "{{range .IPAM.Config}}{{.Gateway}}{{end}}"
    gateway = system.owner.docker("network", "inspect", "--format", form, "bridge").strip()
    server = ThreadedMotoServer(ip_address=gateway, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_the_aws_cli_knows_every_service_that_its_package_brought(system: System) -> None:
    (told,) = system.ask("/usr/bin/python3 /tmp/read.py", ("read.py", READ_MODELS.encode()))
    loaded = json.loads(told)
    assert loaded["service-2"] > 300
    assert min(loaded["paginators-1"], loaded["waiters-2"]) > 50


def test_the_aws_cli_copies_lists_waits_and_pages(system: System, aws: str) -> None:
    assert system.ask(USE_CLI, endpoint=aws) == USED_CLI


def test_java_runs_with_all_but_what_developers_need(system: System) -> None:
    assert system.ask(USE_JAVA) == USED_JAVA


def test_packages_in_c_and_cpp_are_built_against_every_library(system: System) -> None:
    files = {"own.c": EXTENSION, "plus.cpp": PLUS, "setup.py": SETUP, "PKG-INFO": "Name: own\nVersion: 1.0\n"}
    source = tuple((f"own-1.0/{name}", text.encode()) for name, text in files.items())
    assert system.ask(COMPILE, *source) == ["(1, 1, 1, 1, 1) 2"]


def test_debians_packages_are_in_order_and_nothing_is_left_of_their_installation(system: System) -> None:
    left = "ls -A /var/lib/apt/lists /var/cache/apt; dpkg --audit; dpkg -l '*-jdk-*' 2>/dev/null | grep ^ii"
    assert system.ask(f"{{ {left}; }} | grep -vx '/var/.*:' | grep . || echo nothing") == ["nothing"]
