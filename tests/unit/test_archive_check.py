"""Anybody's zip: read without trust, judged by the rules, never unpacked outside its folder."""

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mwaa_local.catalog import load_version
from mwaa_local.deploy.archive_check import list_archive
from mwaa_local.deploy.unpacking import unpack_archive
from mwaa_local.errors import MwaaLocalError, UsageError
from mwaa_local.plugins_archive import ArchiveEntry, ArchiveListing, EntryKind
from mwaa_local.validation.finding import Severity
from mwaa_local.validation.plugin_checks import PluginArchive
from mwaa_local.validation.plugin_rules import PLUGIN_RULES, check_plugins

Entry = tuple[str, bytes, int]


def entry(name: str, content: bytes = b"x = 1\n", mode: int = 0o100644) -> Entry:
    return name, content, mode


def make_zip(*entries: Entry, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)  # of names that are there twice
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = mode << 16 or 0x20  # DOS's archive bit: no permissions
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def rules_broken(tmp_path: Path, content: bytes, version: str = "2.2.2") -> dict[str, Severity]:
    file = tmp_path / "some.zip"
    file.write_bytes(content)
    archive = PluginArchive(list_archive(file), load_version(version), "some.zip")
    return {finding.rule_id: finding.severity for finding in check_plugins(archive)}


def errors(tmp_path: Path, content: bytes, version: str = "2.2.2") -> set[str]:
    found = rules_broken(tmp_path, content, version)
    return {name for name, severity in found.items() if severity is Severity.ERROR}


def test_an_ordinary_archive_breaks_no_rule(tmp_path: Path) -> None:
    good = make_zip(
        entry("my_plugin.py"),
        entry("operators/__init__.py"),
        entry("run.sh", b"#!/bin/bash\n", 0o100755),
        entry("a-1.0-cp37-cp37m-manylinux2014_x86_64.whl"),
    )
    assert rules_broken(tmp_path, good) == {}


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("../evil.py", "plugins-escape"),
        ("a/../../evil.py", "plugins-escape"),
        ("/etc/evil.py", "plugins-escape"),
        ("C:\\evil.py", "plugins-escape"),
        ("..\\evil.py", "plugins-escape"),
        ("a\\b.py", "plugins-backslash"),
        ("aws_mwaa/iam.py", "plugins-reserved-name"),
        ("celery_config.py", "plugins-reserved-name"),
        ("a-1.0-cp37-cp37m-macosx_11_0_arm64.whl", "plugins-wheel"),
        ("a-1.0-cp37-cp37m-manylinux2014_aarch64.whl", "plugins-wheel"),
        ("a-1.0-cp311-cp311-manylinux2014_x86_64.whl", "plugins-wheel"),
        ("a-1.0-cp37-cp37m-manylinux_2_34_x86_64.whl", "plugins-wheel"),
        ("a.whl", "plugins-wheel"),
        ("plugins/my_plugin.py", "plugins-nested-root"),
    ],
)
def test_a_name_that_does_harm_is_an_error(tmp_path: Path, name: str, rule: str) -> None:
    assert errors(tmp_path, make_zip(entry(name))) == {rule}


@pytest.mark.parametrize(
    ("some", "rule"),
    [
        (entry("run.sh", b"echo hi\n"), "plugins-not-executable"),
        (entry("tool", b"#!/usr/bin/env python\n"), "plugins-not-executable"),
        (entry("a-1.0.tar.gz"), "plugins-sdist"),
        (entry("__MACOSX/._a.py"), "plugins-junk"),
        (entry("lib/__pycache__/a.cpython-37.pyc"), "plugins-junk"),
        (entry("airflow_local_settings.py"), "plugins-local-settings"),
        (entry("my-plugins-main/my_plugin.py"), "plugins-nested-root"),
    ],
)
def test_what_may_do_harm_is_a_warning(tmp_path: Path, some: Entry, rule: str) -> None:
    assert rules_broken(tmp_path, make_zip(some, entry("my-plugins-main/b.py"))).get(
        rule
    ) is Severity.WARNING or (rules_broken(tmp_path, make_zip(some)).get(rule) is Severity.WARNING)


def test_the_same_names_mean_other_things_on_later_versions(tmp_path: Path) -> None:
    assert rules_broken(tmp_path, make_zip(entry("celery_config.py")), "2.10.3") == {}
    assert rules_broken(tmp_path, make_zip(entry("airflow_local_settings.py")), "2.10.3") == {
        "plugins-local-settings": Severity.INFO
    }
    newer = entry("a-1.0-cp311-cp311-manylinux_2_34_x86_64.whl")
    assert rules_broken(tmp_path, make_zip(newer), "2.10.3") == {}
    assert errors(tmp_path, make_zip(entry("aws_mwaa/__init__.py")), "2.10.3") == {"plugins-reserved-name"}


def test_a_file_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    assert errors(tmp_path, make_zip(entry("a.py"), entry("a.py", b"y"))) == {"plugins-duplicate"}
    assert errors(tmp_path, make_zip(entry("a"), entry("a/b.py"))) == {"plugins-duplicate"}


def test_two_versions_of_a_wheel_are_a_warning(tmp_path: Path) -> None:
    both = make_zip(entry("my_pkg-1.0-py3-none-any.whl"), entry("my_pkg-1.1-py3-none-any.whl"))
    assert rules_broken(tmp_path, both) == {"plugins-wheel-twice": Severity.WARNING}


def test_a_symbolic_link_is_an_error_and_is_not_unpacked(tmp_path: Path) -> None:
    evil = make_zip(entry("link", b"/etc/passwd", 0o120777))
    assert errors(tmp_path, evil) == {"plugins-link"}
    with pytest.raises(MwaaLocalError, match="it is a link"):
        unpack_archive(tmp_path / "some.zip", tmp_path / "out")


@pytest.mark.parametrize(
    "head",
    [
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00",
        b"\xcf\xfa\xed\xfe" + bytes(16),
        b"MZ\x90\x00" + bytes(16),
    ],
)
def test_a_library_for_another_machine_is_an_error(tmp_path: Path, head: bytes) -> None:
    assert errors(tmp_path, make_zip(entry("lib/native.so", head))) == {"plugins-native-code"}


def test_a_library_for_linux_on_x86_64_is_fine(tmp_path: Path) -> None:
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00"
    assert errors(tmp_path, make_zip(entry("lib/native.so", head))) == set()


def test_an_encrypted_file_is_an_error(tmp_path: Path) -> None:
    content = bytearray(make_zip(entry("a.py")))
    for at in (6, content.rfind(b"PK\x01\x02") + 8):
        content[at] |= 1
    assert errors(tmp_path, bytes(content)) == {"plugins-encrypted"}
    with pytest.raises(MwaaLocalError, match="cannot be unpacked"):
        unpack_archive(tmp_path / "some.zip", tmp_path / "out")


def test_a_name_without_an_encoding_is_a_warning(tmp_path: Path) -> None:
    content = make_zip(entry("a?.py")).replace(b"a?.py", b"a\xe9.py")
    assert rules_broken(tmp_path, content) == {"plugins-name": Severity.WARNING}


def test_a_name_that_lies_about_its_encoding_is_an_error(tmp_path: Path) -> None:
    content = make_zip(entry("é.py")).replace("é".encode(), b"\xff\xfe")
    assert errors(tmp_path, content) == {"plugins-damaged"}


def test_content_that_was_damaged_is_an_error(tmp_path: Path) -> None:
    content = make_zip(entry("a.py", b"hello"), method=zipfile.ZIP_STORED).replace(b"hello", b"hallo", 1)
    assert errors(tmp_path, content) == {"plugins-damaged"}


@pytest.mark.parametrize("content", [b"", b"not a zip at all", b"PK\x05\x06", make_zip(entry("a.py"))[:-30]])
def test_what_is_no_zip_is_one_error(tmp_path: Path, content: bytes) -> None:
    assert errors(tmp_path, content) == {"plugins-damaged"}


def test_an_archive_without_files_is_no_error(tmp_path: Path) -> None:
    assert rules_broken(tmp_path, make_zip()) == {"plugins-empty": Severity.INFO}


def test_a_zip_bomb_is_an_error_and_is_not_looked_into(tmp_path: Path) -> None:
    size = 300 << 20
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()
    name, checksum = b"bomb.bin", 0
    fields = (20, 0, 8, 0, 33, checksum, len(packed), size, len(name), 0)
    local = b"PK\x03\x04" + struct.pack("<HHHHHLLLHH", *fields) + name + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + struct.pack("<HHHHHLLLHH", *fields)
    central += struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)
    (tmp_path / "bomb.zip").write_bytes(local + central + end)
    listing = list_archive(tmp_path / "bomb.zip", content_limit=1 << 20)
    assert [(each.size, each.head) for each in listing.entries] == [(size, b"")]
    found = check_plugins(PluginArchive(listing, load_version("2.2.2"), "bomb.zip"))
    assert [finding.rule_id for finding in found] == ["plugins-bomb"]
    with pytest.raises(MwaaLocalError, match="it holds more than 1 MiB"):
        unpack_archive(tmp_path / "bomb.zip", tmp_path / "out", limit=1 << 20)


def test_a_method_that_unpacks_without_a_bound_is_not_read(tmp_path: Path) -> None:
    content = make_zip(entry("a.bin", bytes(1 << 20)), method=zipfile.ZIP_BZIP2)
    assert errors(tmp_path, content) == {"plugins-damaged"}


@pytest.mark.parametrize(
    ("size", "rule"), [(11 << 30, "plugins-too-big"), (2 << 30, "plugins-big"), (1 << 20, None)]
)
def test_the_limits_are_those_of_mwaa(size: int, rule: str | None) -> None:
    big = ArchiveEntry("data.bin", EntryKind.FILE, size, size, 0o644)
    listing = ArchiveListing((big,), size)
    found = check_plugins(PluginArchive(listing, load_version("2.2.2"), "plugins.zip"))
    assert [finding.rule_id for finding in found] == ([rule] if rule else [])


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened: No such file"):
        list_archive(tmp_path / "nowhere.zip")
    with pytest.raises(UsageError, match="cannot be opened: Is a directory"):
        list_archive(tmp_path)


def test_unpacking_keeps_modes_and_makes_folders(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(
        make_zip(entry("sub/run.sh", b"#!/bin/sh\n", 0o100755), entry("windows.py", b"", 0))
    )
    assert unpack_archive(tmp_path / "a.zip", tmp_path / "out") == 2
    assert (tmp_path / "out" / "sub" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out" / "windows.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["../evil", "/tmp/mwaa-local-evil", "a/../../evil"])
def test_unpacking_refuses_what_leads_outside(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip(entry("fine.py"), entry(name)))
    with pytest.raises(MwaaLocalError, match="cannot be unpacked"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert {path.name for path in tmp_path.rglob("*")} <= {"a.zip", "out", "fine.py"}


def test_every_rule_says_what_it_is_about() -> None:
    rules = [each.rule for each in PLUGIN_RULES]
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.summary.endswith(".") and rule.source for rule in rules)


NAMES = st.text(max_size=12) | st.sampled_from(
    ["../a", "/a", "a/b", "a", "a/", "plugins/a.py", "\\a", "..", ".", "C:a"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.lists(st.tuples(NAMES, st.binary(max_size=40), st.integers(0, 0xFFFF)), max_size=5),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=8),
    cut=st.none() | st.integers(0, 2000),
)
def test_no_bytes_make_the_checks_crash_or_write_outside(
    tmp_path: Path, entries: Sequence[Entry], changes: Sequence[tuple[int, int]], cut: int | None
) -> None:
    content = bytearray(make_zip(*(each for each in entries if each[0])))
    for at, value in changes:
        content[at % len(content)] = value
    judge_and_unpack(tmp_path, bytes(content[:cut]))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300).map(lambda content: content + b"PK\x05\x06" + bytes(18)) | st.binary(max_size=300)
)
def test_garbage_makes_the_checks_neither_crash_nor_hang(tmp_path: Path, content: bytes) -> None:
    judge_and_unpack(tmp_path, content)


def judge_and_unpack(tmp_path: Path, content: bytes) -> None:
    site = tmp_path / "site"
    site.mkdir(exist_ok=True)
    (site / "a.zip").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        listing = list_archive(site / "a.zip", content_limit=1 << 24)
        check_plugins(PluginArchive(listing, load_version("2.2.2"), "a.zip"))
        with suppress(MwaaLocalError):
            unpack_archive(site / "a.zip", site / "out", limit=1 << 24)
    assert {path.name for path in tmp_path.iterdir()} == {"site"}
    assert {path.name for path in site.iterdir()} <= {"a.zip", "out"}
