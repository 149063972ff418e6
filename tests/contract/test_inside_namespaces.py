"""AIRFLOW_HOME at MWAA's own path, for a process and what it starts: on a real kernel."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.ordinary_user import BECOME_NOBODY, NOBODY, python_of_everybody
from tests.inside_modules import INSIDE

MWAA_HOME = "/usr/local/airflow"
# Through a thread, which a user namespace forbids.
THREADED = """
import threading
from mwaa_inside.namespaces import show_mwaa_home

threading.Thread(target=threading.Event().wait, daemon=True).start()
print(show_mwaa_home({home!r}))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are no namespaces but on Linux")


@pytest.fixture
def home() -> Iterator[Path]:
    """An AIRFLOW_HOME for everybody, with the package's files beside it: ours may lie where only we can read."""
    with tempfile.TemporaryDirectory(prefix="mwaa-local-view-test-") as name:
        folder = Path(name, "airflow")
        (folder / "dags").mkdir(parents=True)
        (folder / "dags" / "orders.sql").write_text("select 1")
        shutil.copytree(INSIDE, Path(name, "inside"))
        for path in (Path(name), folder):
            path.chmod(0o777)
        yield folder


def run(home: Path, code: str, *, view: str = "", nobody: bool = False) -> subprocess.CompletedProcess[str]:
    """Run Python code as the processes of an environment run."""
    prefix = [*BECOME_NOBODY, python_of_everybody()] if nobody else [sys.executable]
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(home.parent / "inside"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if view:
        variables["MWAA_LOCAL_HOME_VIEW"] = view
    return subprocess.run(
        [*prefix, "-c", code], env=variables, capture_output=True, text=True, timeout=60, check=False, cwd="/"
    )


def require_view(home: Path) -> None:
    """Skip where the system gives nobody a namespace; CI's does."""
    if (
        MWAA_HOME
        not in run(
            home, f"import os; print([p for p in [{MWAA_HOME!r}] if os.path.isdir(p)])", view=str(home)
        ).stdout
    ):
        if os.environ.get("CI") == "true":
            pytest.fail("no mount namespace can be had here")
        pytest.skip("this system gives no mount namespace")


def test_a_folder_that_is_not_there_is_no_failure(home: Path) -> None:
    done = run(home, f"import os; print(os.path.exists({MWAA_HOME!r}))", view=str(home / "missing"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(Path(MWAA_HOME).exists())


def test_where_the_kernel_refuses_everything_stays_as_it_is(home: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("the user who runs this may have other rights")
    done = run(home, THREADED.format(home=str(home)), nobody=True)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


@pytest.mark.parametrize("nobody", [False, True], ids=["ourselves", "an ordinary user"])
def test_files_are_found_at_mwaas_path_by_a_process_and_its_children(home: Path, *, nobody: bool) -> None:
    if nobody and os.getuid() != 0:
        pytest.skip("only root can become another user")
    require_view(home)
    code = f"""
import os, subprocess
print(open("{MWAA_HOME}/dags/orders.sql").read())
open("{MWAA_HOME}/made.txt", "w").write("made")
print(subprocess.check_output(["cat", "{MWAA_HOME}/made.txt"], text=True))
print(os.getuid(), sorted(os.listdir("/usr/local")))
"""
    done = run(home, code, view=str(home), nobody=nobody)
    assert done.stderr == ""
    user = NOBODY if nobody else os.getuid()
    beside = sorted({*(each.name for each in Path("/usr/local").iterdir()), "airflow"})
    assert done.stdout.splitlines() == ["select 1", "made", f"{user} {beside}"]
    assert (home / "made.txt").stat().st_uid == user
    assert not Path(MWAA_HOME, "made.txt").exists()


def test_nothing_can_be_left_beside_it(home: Path) -> None:
    require_view(home)
    if Path(MWAA_HOME).is_dir():
        pytest.skip("this machine has the folder itself")
    done = run(home, "open('/usr/local/lost.txt', 'w')", view=str(home))
    assert "Read-only file system: '/usr/local/lost.txt'" in done.stderr


def test_who_gains_a_namespace_gains_no_powers(home: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    require_view(home)
    locked = home / "locked.txt"
    locked.write_text("secret")
    os.chown(locked, NOBODY, NOBODY)
    locked.chmod(0)
    done = run(home, f"open({str(locked)!r})", view=str(home), nobody=True)
    assert "PermissionError" in done.stderr


def test_who_asks_for_nothing_sees_the_machine_as_it_is(home: Path) -> None:
    done = run(home, "import os; print(os.readlink('/proc/self/ns/mnt'))")
    assert done.stdout.strip() == str(Path("/proc/self/ns/mnt").readlink())
