"""Offline bundles: what they hold, what is fetched, what is built, what is refused."""

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mwaa_local.catalog import load_version
from mwaa_local.deploy.bundle_folder import new_bundle
from mwaa_local.deploy.bundle_wheels import Workshop, make_wheels, normalise_wheel
from mwaa_local.deploy.lock_file import LockedFile, LockedPackage, parse_lock
from mwaa_local.deploy.requirements_bundle import (
    BundledWheel,
    BundlePlan,
    ChosenWheel,
    plan_bundle,
    render_constraints,
    render_packaged_requirements,
)
from mwaa_local.errors import RequirementsError, UsageError
from mwaa_local.ports import CommandResult

OLD = load_version("2.2.2")


LOCK = """\
lock-version = "1.0"

[[packages]]
name = "Numpy"
version = "1.20.3"
sdist = { url = "https://files.example/numpy-1.20.3.zip", hashes = { sha256 = "00" } }
wheels = [
    { url = "https://files.example/numpy-1.20.3-cp37-cp37m-manylinux2010_x86_64.whl", hashes = { sha256 = "01" } },
    { url = "https://files.example/numpy-1.20.3-cp37-cp37m-win_amd64.whl", hashes = { sha256 = "02" } },
]

[[packages]]
name = "future"
version = "0.18.2"
sdist = { url = "https://files.example/future-0.18.2.tar.gz", hashes = { sha256 = "03" } }

[[packages]]
name = "direct"
version = "1.0"
archive = { url = "https://files.example/direct-1.0-py3-none-any.whl", hashes = { sha256 = "04" } }

[[packages]]
name = "cloned"
vcs = { type = "git", url = "https://git.example/cloned", commit-id = "abc" }

[[packages]]
name = "local-thing"
version = "2.0"
wheels = [{ path = "../plugins/local_thing-2.0-py3-none-any.whl", hashes = {} }]

[[packages]]
name = "boto3"
version = "1.18.65"
wheels = [{ url = "https://files.example/boto3-1.18.65-py3-none-any.whl", hashes = { sha256 = "05" } }]
"""


def test_a_lock_is_read_with_every_kind_of_source() -> None:
    packages = {package.name: package for package in parse_lock(LOCK)}
    assert [file.sha256 for file in packages["numpy"].wheels] == ["01", "02"]
    assert packages["future"].source == LockedFile(
        "future-0.18.2.tar.gz", "03", "https://files.example/future-0.18.2.tar.gz", ""
    )
    assert packages["direct"].is_direct
    assert packages["cloned"].tree == "git+https://git.example/cloned@abc"
    assert packages["local-thing"].wheels[0].path == "../plugins/local_thing-2.0-py3-none-any.whl"


def test_a_lock_that_cannot_be_read_asks_for_a_newer_uv() -> None:
    with pytest.raises(RequirementsError, match="uv's lock cannot be read"):
        parse_lock("[[packages]]\nversion = '1'\n")


def test_a_bundle_has_what_mwaa_lacks() -> None:
    base = {"boto3": "1.18.65", "numpy": "1.21.4"}
    plan = plan_bundle(parse_lock(LOCK), base, OLD)
    assert [each.file.sha256 for each in plan.fetch] == ["01", "04", ""]
    assert [package.name for package in plan.build] == ["future", "cloned"]
    assert plan.present == (("boto3", "1.18.65"),)
    assert plan.changes == (("numpy", "1.21.4", "1.20.3"),)


def test_a_complete_bundle_has_all_but_airflow() -> None:
    airflow = LockedPackage("apache-airflow", "2.2.2", (), None, "", is_direct=False)
    base = {"boto3": "1.18.65", "apache-airflow": "2.2.2"}
    plan = plan_bundle((*parse_lock(LOCK), airflow), base, OLD, complete=True)
    assert "boto3" in [each.package.name for each in plan.fetch]
    assert plan.present == (("apache-airflow", "2.2.2"),)


def test_the_packaged_requirements_ask_no_index() -> None:
    wheels = (
        BundledWheel("b", "2.0", "b-2.0-py3-none-any.whl", False),
        BundledWheel("a", "1.0", "a.whl", True),
    )
    assert render_packaged_requirements(wheels, (("boto3", "1.18.65"),), OLD).splitlines()[2:] == [
        "--constraint /usr/local/airflow/plugins/constraints.txt",
        "--find-links /usr/local/airflow/plugins",
        "--no-index",
        "",
        "a==1.0",
        "b==2.0",
        "",
        "# In MWAA's own environment already:",
        "# boto3==1.18.65",
    ]
    assert render_constraints(wheels, OLD).splitlines()[1:] == ["a==1.0", "apache-airflow==2.2.2", "b==2.0"]


@dataclass
class FakePip:
    """pip that makes empty wheels: those that are asked for by name, and what `builds` says for a source."""

    wheels: Mapping[str, str]
    builds: Mapping[str, str] = field(default_factory=dict)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __call__(self, arguments: Sequence[str], variables: Mapping[str, str]) -> CommandResult:
        self.ran.append(tuple(arguments))
        text = Path(arguments[arguments.index("-r") + 1]).read_text()
        self.asked += text.splitlines()
        if arguments[0] == "download":
            folder, names = Path(arguments[arguments.index("-d") + 1]), self.wheels
        else:
            folder, names = Path(arguments[arguments.index("-w") + 1]), self.builds
            assert variables["SOURCE_DATE_EPOCH"] == "315532800"
        made = [
            file for name, file in names.items() if any(line.startswith(name) for line in text.splitlines())
        ]
        for file in made:
            with zipfile.ZipFile(folder / file, "w") as wheel:
                wheel.writestr("module.py", "")
        return CommandResult(
            0 if made else 1, "", "" if made else "ERROR: it did not work\nWARNING: old pip\n"
        )


Shop = Callable[[FakePip], Workshop]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    for name in ("work", "wheels", "plugins"):
        (tmp_path / name).mkdir()
    (tmp_path / "plugins" / "local_thing-2.0-py3-none-any.whl").touch()
    return lambda pip: Workshop(pip, tmp_path / "work", tmp_path / "wheels", OLD, ("--pre",))


NUMPY = "numpy-1.20.3-cp37-cp37m-manylinux2010_x86_64.whl"
DIRECT = "direct-1.0-py3-none-any.whl"


def test_wheels_are_fetched_for_mwaas_platform_by_their_hashes(shop: Shop) -> None:
    pip = FakePip({"numpy": NUMPY, "direct": DIRECT})
    plan = plan_bundle([p for p in parse_lock(LOCK) if p.name in ("numpy", "direct", "local-thing")], {}, OLD)
    made = make_wheels(plan, shop(pip))
    assert [(wheel.name, wheel.version) for wheel in made] == [
        ("direct", "1.0"),
        ("local-thing", "2.0"),
        ("numpy", "1.20.3"),
    ]
    assert pip.asked == [
        "--pre",
        "numpy==1.20.3 --hash=sha256:01",
        "direct @ https://files.example/direct-1.0-py3-none-any.whl --hash=sha256:04",
    ]
    (command,) = pip.ran
    assert {"--no-deps", "--only-binary=:all:", "3.7", "cp37m", "manylinux2014_x86_64"} <= set(command)


def test_a_wheel_that_cannot_be_fetched_is_named(shop: Shop) -> None:
    plan = plan_bundle([p for p in parse_lock(LOCK) if p.name == "numpy"], {}, OLD)
    with pytest.raises(RequirementsError) as caught:
        make_wheels(plan, shop(FakePip({})))
    assert caught.value.message == f"{NUMPY} could not be fetched.\n    ERROR: it did not work"


def test_a_source_of_pure_python_is_built(shop: Shop) -> None:
    pip = FakePip({}, {"future": "future-0.18.2-py3-none-any.whl"})
    plan = plan_bundle([p for p in parse_lock(LOCK) if p.name == "future"], {}, OLD)
    assert make_wheels(plan, shop(pip)) == (
        BundledWheel("future", "0.18.2", "future-0.18.2-py3-none-any.whl", True),
    )
    assert pip.asked[1] == "future==0.18.2 --hash=sha256:03"


def test_a_source_folder_is_built_from_a_copy(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "my lib").mkdir()
    (tmp_path / "my lib" / "setup.py").touch()
    pip = FakePip({}, {"mylib": "mylib-1.2-py3-none-any.whl"})
    mine = LockedPackage("mylib", "", (), None, "../my lib", is_direct=True)
    assert make_wheels(BundlePlan((), (mine,), (), ()), shop(pip)) == (
        BundledWheel("mylib", "1.2", "mylib-1.2-py3-none-any.whl", True),
    )
    assert pip.asked[1] == f"mylib @ {(tmp_path / 'work' / 'source-mylib').as_uri()}"
    assert [path.name for path in (tmp_path / "my lib").iterdir()] == ["setup.py"]


def test_every_source_that_gives_no_wheel_for_mwaa_is_refused_by_name(shop: Shop) -> None:
    pip = FakePip({}, {"future": "future-0.18.2-cp37-cp37m-linux_x86_64.whl"})
    nothing = LockedPackage("nothing", "3.0", (), None, "", is_direct=False)
    plan = BundlePlan((), (*(p for p in parse_lock(LOCK) if p.name in ("future", "cloned")), nothing), (), ())
    with pytest.raises(RequirementsError) as caught:
        make_wheels(plan, shop(pip))
    assert caught.value.message.splitlines() == [
        "future 0.18.2 has only a source package, and it holds compiled code: a wheel that is built here "
        "(future-0.18.2-cp37-cp37m-linux_x86_64.whl) need not run on MWAA.",
        "cloned has only a source package, which cannot be built here:",
        "    ERROR: it did not work",
        "nothing 3.0 has no wheel for Python 3.7 on Linux x86_64, and no source to build one from.",
    ]


def test_a_wheel_that_was_built_has_the_same_bytes_whenever(tmp_path: Path) -> None:
    for name, year in (("one", 1999), ("other", 2024)):
        with zipfile.ZipFile(tmp_path / f"{name}.whl", "w") as wheel:
            for file in (
                ("a-1.dist-info/RECORD", "a.py") if year == 1999 else ("a.py", "a-1.dist-info/RECORD")
            ):
                wheel.writestr(zipfile.ZipInfo(file, (year, 1, 1, 0, 0, 0)), file)
        normalise_wheel(tmp_path / f"{name}.whl", tmp_path / f"{name}-normal.whl")
    assert (tmp_path / "one-normal.whl").read_bytes() == (tmp_path / "other-normal.whl").read_bytes()
    with zipfile.ZipFile(tmp_path / "one-normal.whl") as wheel:
        assert wheel.namelist() == ["a.py", "a-1.dist-info/RECORD"]


def test_a_bundle_takes_the_place_of_the_old_one_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    with new_bundle(target) as folder:
        (folder / "packaged_requirements.txt").write_text("one")
    with pytest.raises(RequirementsError):
        fail_to_make(target)
    assert (target / "packaged_requirements.txt").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def fail_to_make(target: Path) -> None:
    with new_bundle(target) as folder:
        (folder / "packaged_requirements.txt").write_text("other")
        raise RequirementsError("it failed")


def test_a_folder_that_is_no_bundle_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(UsageError, match="is there and holds something else"), new_bundle(tmp_path / "mine"):
        pass
    assert (tmp_path / "mine" / "file").exists()


def test_a_plan_with_nothing_to_do_runs_no_pip(shop: Shop) -> None:
    pip = FakePip({})
    assert make_wheels(BundlePlan((), (), (), ()), shop(pip)) == ()
    assert pip.ran == []


def test_a_chosen_wheel_without_a_hash_is_still_asked_for_by_version(shop: Shop) -> None:
    package = LockedPackage("numpy", "1.20.3", (), None, "", is_direct=False)
    chosen = ChosenWheel(package, LockedFile(NUMPY, "", f"https://files.example/{NUMPY}", ""))
    pip = FakePip({"numpy": NUMPY})
    make_wheels(BundlePlan((chosen,), (), (), ()), shop(pip))
    assert pip.asked[1] == "numpy==1.20.3"
