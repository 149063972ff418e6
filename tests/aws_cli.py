"""The real AWS CLI, in an environment of its own: it pins a botocore that is not the one we run with."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class AwsCli:
    """The program, and the server that it talks to."""

    program: Path
    url: str

    def variables(self) -> dict[str, str]:
        """Return an environment that has our server and none of the user's own settings."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **own,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def run(self, *arguments: str) -> str:
        """Run a command that must succeed and return what it printed."""
        done = subprocess.run(
            [str(self.program), *arguments],
            env=self.variables(),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"aws {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


def install_aws_cli(folder: Path) -> Path:
    """Install it into a folder and return the program; RuntimeError if the package index does not give it."""
    for command in (["venv", str(folder)], ["pip", "install", "--python", str(folder), "awscli"]):
        done = subprocess.run(
            [sys.executable, "-m", "uv", *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
    return folder / "bin" / "aws"
