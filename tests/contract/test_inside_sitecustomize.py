"""What our folder on the path does to a Python: nothing unasked, and boto3's endpoint when asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inside_modules import INSIDE

ENDPOINT = "http://127.0.0.1:4566"
PYTHONS = [*sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")), Path(sys.executable)]


def _run(script: str, *path: Path, python: Path | str = sys.executable, **variables: str) -> str:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(map(str, (INSIDE, *path))), **variables}
    command = [str(python), "-c", script]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert result.stderr == ""
    return result.stdout.strip()


def _with_old_botocore(folder: Path) -> Path:
    """A botocore from before AWS_ENDPOINT_URL, as far as the shim can see one."""
    package = folder / "botocore"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "configprovider.py").touch()
    (package / "config.py").write_text("class Config:\n    OPTION_DEFAULTS = {'inject_host_prefix': True}\n")
    (package / "session.py").write_text(
        "class Session:\n"
        "    def create_client(self, service_name, region_name=None, api_version=None, use_ssl=True,\n"
        "                      verify=None, endpoint_url=None, aws_access_key_id=None, config=None):\n"
        "        return service_name, region_name, endpoint_url, aws_access_key_id, config\n"
    )
    return folder


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_it_is_harmless_in_every_python(python: Path) -> None:
    assert _run("print('ok')", python=python) == "ok"
    assert _run("import json.tool; print('ok')", python=python, MWAA_LOCAL_AWS_ENDPOINT=ENDPOINT) == "ok"


def test_without_our_variables_nothing_is_hooked() -> None:
    assert _run("import sys; print([f for f in sys.meta_path if 'AfterImport' in repr(f)])") == "[]"


def test_starting_python_imports_neither_boto3_nor_kombu() -> None:
    script = "import sys; print([m for m in sys.modules if m.startswith(('boto', 'kombu', 'mwaa_inside'))])"
    assert _run(script, MWAA_LOCAL_AWS_ENDPOINT=ENDPOINT) == "[]"


def test_a_sitecustomize_further_down_the_path_runs_as_well(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.theirs = __name__\n")
    assert _run("import sys; print(sys.theirs)", tmp_path) == "sitecustomize"


def test_an_old_botocore_uses_the_endpoint_unless_the_caller_names_another(tmp_path: Path) -> None:
    script = (
        "import botocore.session\ns = botocore.session.Session()\n"
        "print(s.create_client('s3')[2], s.create_client('s3', endpoint_url='http://other')[2],\n"
        "      s.create_client('sqs', 'eu-west-1', aws_access_key_id='k', config='c'))\n"
    )
    assert _run(script, _with_old_botocore(tmp_path), MWAA_LOCAL_AWS_ENDPOINT=ENDPOINT) == (
        f"{ENDPOINT} http://other ('sqs', 'eu-west-1', '{ENDPOINT}', 'k', 'c')"
    )


def test_an_endpoint_for_one_service_wins(tmp_path: Path) -> None:
    script = "import botocore.session; print(botocore.session.Session().create_client('secrets-manager')[2])"
    variables = {"MWAA_LOCAL_AWS_ENDPOINT": ENDPOINT, "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://own"}
    assert _run(script, _with_old_botocore(tmp_path), **variables) == "http://own"


def test_a_role_without_an_endpoint_of_ours_reaches_the_real_aws(tmp_path: Path) -> None:
    script = "import botocore.session; print(botocore.session.Session().create_client('s3')[2])"
    assert _run(script, _with_old_botocore(tmp_path), MWAA_LOCAL_SQS_QUEUE_URL=f"{ENDPOINT}/q") == "None"


@pytest.mark.parametrize(
    ("variable", "injects"), [("MWAA_LOCAL_AWS_ENDPOINT", False), ("MWAA_LOCAL_SQS_QUEUE_URL", True)]
)
def test_an_old_botocore_puts_no_prefix_before_the_name_of_our_endpoint(
    variable: str, injects: bool, tmp_path: Path
) -> None:
    script = (
        "import botocore.session\nfrom botocore.config import Config\n"
        "print(Config.OPTION_DEFAULTS['inject_host_prefix'])"
    )
    assert _run(script, _with_old_botocore(tmp_path), **{variable: ENDPOINT}) == str(injects)


def test_a_new_boto3_needs_no_shim_and_uses_path_style_addresses() -> None:
    script = (
        "import boto3\ns3 = boto3.client('s3', region_name='us-east-1')\n"
        "print(type(s3).__name__, s3.generate_presigned_url('get_object', Params={'Bucket': 'b', 'Key': 'k'}))\n"
    )
    printed = _run(
        script,
        AWS_ENDPOINT_URL=ENDPOINT,
        MWAA_LOCAL_AWS_ENDPOINT=ENDPOINT,
        AWS_ACCESS_KEY_ID="k",
        AWS_SECRET_ACCESS_KEY="s",
    )
    assert printed.startswith(f"S3 {ENDPOINT}/b/k?")


def test_a_module_looks_as_if_no_hook_had_been_there(tmp_path: Path) -> None:
    script = (
        "import botocore.session as m\n"
        "print(type(m.__loader__).__name__, type(m.__spec__.loader).__name__, m.__file__.endswith('session.py'))\n"
    )
    printed = _run(script, _with_old_botocore(tmp_path), MWAA_LOCAL_AWS_ENDPOINT=ENDPOINT)
    assert printed == "SourceFileLoader SourceFileLoader True"
