"""pip's index settings, as uv gets them."""

from pathlib import Path

import pytest

from mwaa_local.runtime.index_settings import uv_environ


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def translate(home: Path, **environ: str) -> dict[str, str]:
    given = {"HOME": str(home), **environ}
    return {name: value for name, value in uv_environ(given, system_files=()).items() if name not in given}


def test_without_settings_nothing_is_added(home: Path) -> None:
    assert translate(home) == {}


def test_variables_of_pip_become_those_of_uv(home: Path) -> None:
    assert translate(
        home,
        PIP_INDEX_URL="https://a/simple",
        PIP_FIND_LINKS="/w1 /w2",
        PIP_CERT="/ca.pem",
        PIP_TRUSTED_HOST="a b",
    ) == {
        "UV_DEFAULT_INDEX": "https://a/simple",
        "UV_FIND_LINKS": "/w1,/w2",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_INSECURE_HOST": "a b",
    }


def test_extra_indexes_compete_as_they_do_for_pip(home: Path) -> None:
    assert translate(home, PIP_EXTRA_INDEX_URL="https://b/simple\n https://c/simple") == {
        "UV_INDEX": "https://b/simple https://c/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_configuration_file_is_read_and_variables_win(home: Path) -> None:
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://file/simple\n[install]\nfind_links =\n  /w1\n  /w2\n"
    )
    assert translate(home) == {"UV_DEFAULT_INDEX": "https://file/simple", "UV_FIND_LINKS": "/w1,/w2"}
    assert translate(home, PIP_INDEX_URL="https://env/simple")["UV_DEFAULT_INDEX"] == "https://env/simple"
    assert translate(home, PIP_CONFIG_FILE="/dev/null") == {}


def test_what_uv_was_told_wins(home: Path) -> None:
    assert translate(home, PIP_INDEX_URL="https://a/simple", UV_INDEX_URL="https://mine/simple") == {}


def test_indexes_in_uvs_own_file_win(home: Path) -> None:
    (home / ".config" / "uv").mkdir(parents=True)
    (home / ".config" / "uv" / "uv.toml").write_text('[[index]]\nurl = "https://mine/simple"\n')
    assert translate(home, PIP_INDEX_URL="https://a/simple") == {}


def test_a_damaged_configuration_file_is_left_to_pip(home: Path) -> None:
    (home / ".pip").mkdir()
    (home / ".pip" / "pip.conf").write_text("no section\n")
    assert translate(home) == {}
