"""Builds the image of a version: the system below it, the packages (kept one by one in the user's cache), the image.

Everything is found again by the digest of its inputs: what is there already is not built again.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mwaa_local.catalog import Pin
from mwaa_local.docker_ports import (
    MAKE_ROOM,
    BuildOrder,
    ContainerOrder,
    DockerEngine,
    ImageRecord,
    LayerOrder,
    tells_of_full_disk,
)
from mwaa_local.errors import ImageBuildError
from mwaa_local.runtime.cache_contents import SCHEMA_VERSION
from mwaa_local.runtime.cache_entry import lock_of, note_use, write_errors
from mwaa_local.runtime.image import (
    DIGEST_LABEL,
    PACKAGES,
    ImageRecipe,
    render_lines,
    write_context,
    write_layer,
)
from mwaa_local.runtime.image_base import see_base
from mwaa_local.wheel_files import archive_of

WHEELS = "wheels"
SCHEMAS = "schemas"
"""The folders of the user's cache."""
SCHEMA = "opt/mwaa-local/schema.sql"
"""Where an image has it."""
_WORK = "/tmp/mwaa-local-wheels"  # noqa: S108 (a folder of a container of its own)
_PASSED_ON = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
"""The user's variables that the container gets in which wheels are made; it is removed, so that no image holds them."""
_TRUST = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Variables that name a file with certificates of authorities."""
CERTIFICATES = "certificates.pem"
_KEPT = 25
_TOLD = ("Resolved ", "Building ", "Built ", "Prepared ", "Installed ")
"""Lines of an installer that say how far it is begin so."""


class BuildProgress(Protocol):
    """Shows what a build is doing."""

    def following(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show `title`, and what is going on as it is told."""
        ...


@dataclass(frozen=True, slots=True)
class BuildSite:
    """What a build needs from outside."""

    engine: DockerEngine
    cache: Path
    lock: Callable[[Path], AbstractContextManager[None]]
    environ: Mapping[str, str]
    progress: BuildProgress


def find_built(engine: DockerEngine, recipe: ImageRecipe) -> ImageRecord | None:
    """Return the image if the engine has it: of this recipe, not only of this name."""
    image = engine.find_image(recipe.tag)
    return image if image is not None and image.label(DIGEST_LABEL) == recipe.digest else None


def build_image(recipe: ImageRecipe, site: BuildSite, *, use_cache: bool = True) -> ImageRecord:
    """Build the image of a recipe, and what it stands on where that is missing."""
    see_base(recipe.needs, site.engine)
    if not use_cache or site.engine.find_image(recipe.system_tag) is None:
        _build(recipe, site, "system", use_cache)
        # The engine may have fetched the base only now.
        see_base(recipe.needs, site.engine)
    packages = ensure_packages(recipe, site, anew=not use_cache)
    # Only one at a time has the image that is still without its packages.
    with site.lock(lock_of(site.cache / WHEELS / recipe.digest)):
        try:
            # The system has been built just now, without the engine's memory if that was asked for.
            _build(recipe, site, "airflow", use_cache=True)
            anew = not use_cache
            schema = ensure_schema(recipe, site, packages, anew=anew) if recipe.has_schema else ""
            return _put_together(recipe, site, schema, packages)
        finally:
            site.engine.remove_image(recipe.bare_tag)


def _put_together(
    recipe: ImageRecipe, site: BuildSite, schema: str, packages: tuple[Path, ...]
) -> ImageRecord:
    with tempfile.TemporaryDirectory(prefix="mwaa-local-image-") as scratch:
        first = Path(scratch, "first.tar.gz")
        write_layer(first, {**recipe.layer_texts(), **({SCHEMA: schema} if schema else {})})
        with site.progress.following(f"Image of Airflow {recipe.version.airflow}") as say:
            say(f"{len(packages)} packages")
            return site.engine.add_layer(LayerOrder(recipe.bare_tag, (first, *packages), recipe.tag))


def ensure_packages(recipe: ImageRecipe, site: BuildSite, *, anew: bool = False) -> tuple[Path, ...]:
    """Return an archive of every pin, installed in a container of the system where the cache has none, or anew."""
    folder = site.cache / WHEELS / recipe.packages_digest
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with site.lock(lock_of(folder)):
            note_use(lock_of(folder))
            missing = recipe.pins if anew else _missing(recipe.pins, folder)
            if missing:
                _collect(recipe, site, folder, missing)
                missing = _missing(recipe.pins, folder)
            if missing:
                absent = ", ".join(f"{pin.name} {pin.version}" for pin in missing)
                raise ImageBuildError(
                    f"Nothing was installed of {absent}.",
                    hint="run the command again with --debug and report it",
                )
            names = _names(folder)
            return tuple(folder / str(archive_of(pin, names)) for pin in recipe.pins)


def ensure_schema(
    recipe: ImageRecipe, site: BuildSite, packages: tuple[Path, ...], *, anew: bool = False
) -> str:
    """Return the schema of the database, made in a container where the cache has none, or anew."""
    folder = site.cache / SCHEMAS / recipe.schema_digest
    file = folder / "schema.sql"
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with site.lock(lock_of(folder)):
            note_use(lock_of(folder))
            if anew or not file.is_file():
                _make_schema(recipe, site, packages, folder)
            return file.read_text(encoding="utf-8")


def _build(recipe: ImageRecipe, site: BuildSite, target: str, use_cache: bool) -> None:
    whole = target == "airflow"
    title = f"Image of Airflow {recipe.version.airflow}" if whole else "System below Airflow"
    with tempfile.TemporaryDirectory(prefix="mwaa-local-image-") as scratch:
        context = Path(scratch, "context.tar")
        # The system's context holds nothing of Airflow, so that the engine knows it again for every version.
        write_context(context, recipe.context_texts() if whole else recipe.system_texts(), {})
        order = BuildOrder(
            context=context,
            target=target,
            tag=recipe.bare_tag if whole else recipe.system_tag,
            arguments=recipe.arguments,
            labels=recipe.labels if whole else ((DIGEST_LABEL, recipe.system_digest),),
            platform=recipe.platform,
            use_cache=use_cache,
        )
        follow_build(order, title, site)


def follow_build(order: BuildOrder, title: str, site: BuildSite) -> ImageRecord:
    """Have the engine build, and show at which step it is."""
    with site.progress.following(title) as say:
        image = site.engine.build(order, lambda line: _tell_steps(line, say))
    if image.platform != order.platform:
        # Engines warn and go on when the base that they have is of another platform.
        site.engine.remove_image(order.tag)
        base = dict(order.arguments).get("BASE_IMAGE", "of this image")
        raise ImageBuildError(
            f"The base image {base} is for {image.platform}, not for {order.platform}.",
            hint=f"fetch it first: docker pull --platform {order.platform} {base}",
        )
    return image


def _tell_steps(line: str, say: Callable[[str], None]) -> None:
    if line.startswith("Step "):
        say(" ".join(line.split())[:100])


def _collect(recipe: ImageRecipe, site: BuildSite, folder: Path, missing: tuple[Pin, ...]) -> None:
    access = network_access(site.environ, _WORK)
    known = list(folder.glob(f"uv-{recipe.uv}-*.whl"))[:1]
    order = ContainerOrder(
        image=recipe.system_tag,
        command=("python3", f"{_WORK}/collect_wheels.py", recipe.uv, _WORK, f"/{PACKAGES}"),
        user="root",
        environment=access.environment,
        folder=_WORK,
        files=(
            *access.files,
            *((f"uv/{path.name}", path.read_bytes()) for path in known),
            ("collect_wheels.py", recipe.collector.encode()),
            ("finish_packages.py", recipe.finisher.encode()),
            ("missing.txt", render_lines(missing).encode()),
            ("build-constraints.txt", "".join(f"{line}\n" for line in recipe.build_constraints).encode()),
            ("packages/.keep", b""),
        ),
        outputs=f"{_WORK}/packages",
        outputs_to=folder,
    )
    title = f"Packages of Airflow {recipe.version.airflow} (kept for the next build)"
    what = f"The packages of Airflow {recipe.version.airflow} could not be installed"
    _run(order, site, title, what)


def _make_schema(recipe: ImageRecipe, site: BuildSite, packages: tuple[Path, ...], folder: Path) -> None:
    access = network_access(site.environ, _WORK)
    with tempfile.TemporaryDirectory(prefix="mwaa-local-schema-") as scratch:
        order = ContainerOrder(
            image=recipe.bare_tag,
            command=("sh", f"{_WORK}/make_schema.sh", f"{_WORK}/out/schema.sql"),
            user="root",
            environment=access.environment,
            folder=_WORK,
            files=(("make_schema.sh", recipe.schema.encode()), ("out/.keep", b"")),
            archives=packages,
            outputs=f"{_WORK}/out",
            outputs_to=Path(scratch),
        )
        title = f"Database of Airflow {recipe.version.airflow} (kept for the next build)"
        what = f"The database of Airflow {recipe.version.airflow} could not be made"
        _run(order, site, title, what)
        made = Path(scratch, "schema.sql").read_bytes()
    (folder / SCHEMA_VERSION).write_text(recipe.version.airflow, encoding="ascii")
    partial = folder / "schema.partial"
    partial.write_bytes(made)
    partial.replace(folder / "schema.sql")


def _run(order: ContainerOrder, site: BuildSite, title: str, what: str) -> None:
    """Run a container, show what it says; ImageBuildError with the last of it."""
    lines: list[str] = []
    with site.progress.following(title) as say:

        def on_line(line: str) -> None:
            lines.append(line)
            if line.strip().startswith(_TOLD):
                say(line.strip()[:100])

        outcome = site.engine.run(order, on_line)
    if outcome.exit_code:
        shown = "\n".join(f"    {line}" for line in lines[-_KEPT:])
        raise ImageBuildError(
            f"{what} (it ended with {outcome.exit_code}):\n{shown}",
            hint=MAKE_ROOM
            if tells_of_full_disk(shown)
            else "containers must reach the package index (PIP_INDEX_URL and the proxy variables are passed on) "
            "and Debian's mirrors",
        )


@dataclass(frozen=True, slots=True)
class NetworkAccess:
    """What a container gets that has to reach the package index: variables, and the authorities to trust."""

    environment: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, bytes], ...]


def network_access(environ: Mapping[str, str], folder: str) -> NetworkAccess:
    """Return how the index is reached as the user does; `folder` is where the container's files are put."""
    environment = {name: environ[name] for name in _PASSED_ON if name in environ}
    bundle = next((Path(environ[name]) for name in _TRUST if Path(environ.get(name, "/")).is_file()), None)
    if bundle is None:
        return NetworkAccess(tuple(environment.items()), ())
    # A proxy that looks into connections has an authority of its own, which the programs in the container do not know.
    environment |= dict.fromkeys(_TRUST, f"{folder}/{CERTIFICATES}")
    return NetworkAccess(tuple(environment.items()), ((CERTIFICATES, bundle.read_bytes()),))


def _missing(wanted: tuple[Pin, ...], folder: Path) -> tuple[Pin, ...]:
    names = _names(folder)
    return tuple(pin for pin in wanted if archive_of(pin, names) is None)


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in folder.glob("*.tar.gz"))
