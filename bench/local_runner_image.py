"""What users build today: the image that AWS's local runner makes for 2.2.2, on our base and with our packages.

Its steps are those of the runner's scripts: Debian's packages, cleaned up after; then pip, one call after the other,
with the cache that pip leaves. Three things are in its favour: it has our packages where the runner has a full Java
and the larger bundle of the AWS CLI; exact versions spare pip its search; and the runner's last step is left out, a
`chown -R` over all that was installed, which keeps everything twice.
"""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from mwaa_local.adapters.docker_engine import SdkEngine, connect_engine
from mwaa_local.catalog import MwaaVersion, environment_pins
from mwaa_local.docker_ports import BuildOrder
from mwaa_local.runtime.image import DEFAULT_PLATFORM, VERSION_LABEL, render_lines, write_context
from mwaa_local.runtime.image_build import network_access

TAG = "mwaa-local-bench/local-runner:latest"
DOCKERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE} AS system
ARG SYSTEM_PACKAGES
ENV DEBIAN_FRONTEND=noninteractive
RUN mkdir -p /usr/share/man/man1 && apt-get update \\
    && apt-get install --yes --no-install-recommends ${SYSTEM_PACKAGES} \\
    && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN useradd --home-dir /usr/local/airflow --create-home --shell /bin/bash airflow

FROM system AS runner
COPY constraints.txt providers.txt /
USER airflow
WORKDIR /usr/local/airflow
ENV HOME=/usr/local/airflow PIP_USER=true PATH=/usr/local/airflow/.local/bin:/usr/local/bin:/usr/bin:/bin
__TRUST__ARG ROUND
RUN echo "round $ROUND" \\
"""
TRUST = "COPY certificates.pem /\nENV PIP_CERT=/certificates.pem\n"
PIP = "    && pip3 install --constraint /constraints.txt {}"


@dataclass(frozen=True, slots=True)
class LocalRunnerImage:
    """The image, and where it is built."""

    context: Path
    order: BuildOrder
    engine: SdkEngine

    @classmethod
    def make(cls, folder: Path, version: MwaaVersion) -> "LocalRunnerImage":
        """Prepare the build of a version's image, and build what comes before pip."""
        folder.mkdir()
        pins = environment_pins(version, version.amazon_provider_default)
        providers = tuple(pin for pin in pins if pin.name.startswith("apache-airflow-providers-"))
        texts = {
            "Dockerfile": DOCKERFILE + " \\\n".join(sequence(version)) + "\n",
            "constraints.txt": render_lines(pins),
            "providers.txt": render_lines(providers),
        }
        # As our own builds are given them, for a network that is looked into.
        trusted = {name: content.decode() for name, content in network_access(os.environ, "").files}
        texts["Dockerfile"] = texts["Dockerfile"].replace("__TRUST__", TRUST if trusted else "")
        texts |= trusted
        write_context(folder / "context.tar", texts, {})
        base = os.environ.get("MWAA_LOCAL_BASE_IMAGE") or version.base_image
        arguments = (("BASE_IMAGE", base), ("SYSTEM_PACKAGES", " ".join(version.system_packages)))
        order = BuildOrder(folder / "context.tar", "runner", TAG, arguments, (), DEFAULT_PLATFORM)
        engine = connect_engine(os.environ, Path.home(), os.getuid())
        engine.build(replace(order, target="system"), ignore)
        return cls(folder, order, engine)

    def seconds(self, number: int) -> float:
        """Build it, anew from pip on, and return how many seconds that took."""
        # An argument that was never there: the engine remembers everything before the step that uses it.
        arguments = (*self.order.arguments, ("ROUND", f"{number} {time.time()}"))
        began = time.monotonic()
        self.engine.build(replace(self.order, arguments=arguments), ignore)
        return time.monotonic() - began

    def size(self) -> int:
        """Return its bytes."""
        image = self.engine.find_image(TAG)
        assert image is not None
        return image.size

    def remove(self) -> None:
        """Remove it."""
        self.engine.remove_image(TAG)
        self.engine.close()


def sequence(version: MwaaVersion) -> list[str]:
    """Return the calls of pip, as the runner's script has them."""
    airflow = f"'apache-airflow[crypto,celery,statsd]=={version.airflow}'"
    steps = [
        f"--upgrade pip=={version.pip}",
        "wheel setuptools",
        "--compile pycurl",
        "'celery[sqs]'",
        "psycopg2",
        airflow,
    ]
    steps += [f"watchtower=={version.watchtower}", "-r /providers.txt", "-r /constraints.txt"]
    return [PIP.format(step) for step in steps]


def forget_images(version: str) -> None:
    """Remove the images of a version, but neither the system that they stand on nor the wheels."""
    engine = connect_engine(os.environ, Path.home(), os.getuid())
    for image in engine.list_images(f"{VERSION_LABEL}={version}"):
        for name in image.tags or (image.id,):
            engine.remove_image(name)
    engine.close()


def ignore(_line: str) -> None:
    """Say nothing of a build's output."""
