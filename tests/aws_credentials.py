"""Credentials of nobody: no test may ever reach AWS, or read a configuration of this machine."""

import os
from pathlib import Path

import pytest

NOBODY = "http://127.0.0.1:9"
"""Where requests go unless a test says otherwise."""


def use_fake_credentials(monkeypatch: pytest.MonkeyPatch, folder: Path, endpoint: str = NOBODY) -> None:
    """Have this process, and those that it starts, know no other AWS than an endpoint."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
