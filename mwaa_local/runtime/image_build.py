"""Builds the image of a version: the system below it, the wheels (made once, kept in the user's cache), the image.

Everything is found again by the digest of its inputs: what is there already is not built again.
"""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mwaa_local.catalog import Pin
from mwaa_local.docker_ports import BuildOrder, ContainerOrder, DockerEngine, ImageRecord
from mwaa_local.errors import ImageBuildError
from mwaa_local.runtime.cache_entry import lock_of, write_errors
from mwaa_local.runtime.image import DIGEST_LABEL, ImageRecipe, render_lines, write_context
from mwaa_local.wheel_files import wheel_of

WHEELS = "wheels"
SCHEMAS = "schemas"
"""The folders of the user's cache."""
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
_TOLD = 20
"""After so many packages it is said how far the wheels are."""


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
    if not use_cache or site.engine.find_image(recipe.system_tag) is None:
        _build(recipe, site, "system", (), use_cache)
    wheels = ensure_wheels(recipe, site)
    # The system has been built just now, without the engine's memory if that was asked for.
    image = _build(recipe, site, "airflow", wheels, use_cache=True)
    if recipe.has_schema:
        _keep_schema(recipe, site)
    return image


def ensure_wheels(recipe: ImageRecipe, site: BuildSite) -> tuple[Path, ...]:
    """Return a wheel of every pin and of uv, made in a container of the system where the cache has none."""
    folder = site.cache / WHEELS / recipe.system_digest
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with site.lock(lock_of(folder)):
            wanted = (*recipe.pins, Pin("uv", recipe.uv))
            missing = _missing(wanted, folder)
            if missing:
                _collect(recipe, site, folder, missing)
                missing = _missing(wanted, folder)
            if missing:
                absent = ", ".join(f"{pin.name} {pin.version}" for pin in missing)
                raise ImageBuildError(
                    f"No wheels came of {absent}.", hint="run the command again with --debug and report it"
                )
            names = _names(folder)
            return tuple(folder / str(wheel_of(pin, names)) for pin in wanted)


def _build(
    recipe: ImageRecipe, site: BuildSite, target: str, wheels: tuple[Path, ...], use_cache: bool
) -> ImageRecord:
    title = f"Image of Airflow {recipe.version.airflow}" if target == "airflow" else "System below Airflow"
    with tempfile.TemporaryDirectory(prefix="mwaa-local-image-") as scratch:
        context = Path(scratch, "context.tar")
        # The system's context holds nothing of Airflow, so that the engine knows it again for every version.
        made = _schema_file(recipe, site)
        texts = recipe.context_texts() if target == "airflow" else recipe.system_texts()
        schema = {"schema": [made] if made.is_file() else []} if target == "airflow" else {}
        write_context(context, texts, {**schema, **({"wheels": wheels} if wheels else {})})
        order = BuildOrder(
            context=context,
            target=target,
            tag=recipe.tag if target == "airflow" else recipe.system_tag,
            arguments=recipe.arguments(schema_is_made=made.is_file()),
            labels=recipe.labels if target == "airflow" else ((DIGEST_LABEL, recipe.system_digest),),
            platform=recipe.platform,
            use_cache=use_cache,
        )
        image = follow_build(order, title, site)
    if image.platform != recipe.platform:
        # Engines warn and go on when the base that they have is of another platform.
        site.engine.remove_image(order.tag)
        raise ImageBuildError(
            f"{recipe.base_image} is for {image.platform}, not for {recipe.platform}.",
            hint="choose another base (--base-image), or have the engine pull the one for this platform",
        )
    return image


def _schema_file(recipe: ImageRecipe, site: BuildSite) -> Path:
    """Return where the schema of a recipe's database is kept for the next build."""
    return site.cache / SCHEMAS / recipe.schema_digest / "schema.sql"


def _keep_schema(recipe: ImageRecipe, site: BuildSite) -> None:
    """Keep what the image has been given as its schema."""
    file = _schema_file(recipe, site)
    if file.is_file():
        return
    order = ContainerOrder(recipe.tag, ("true",), outputs="/opt/mwaa-local", outputs_to=file.parent)
    with write_errors(file.parent):
        file.parent.mkdir(parents=True, exist_ok=True)
    with write_errors(file.parent), site.lock(lock_of(file.parent)):
        site.engine.run(order, lambda _line: None)
        for other in file.parent.iterdir():
            if other.name != file.name:
                other.unlink()


def follow_build(order: BuildOrder, title: str, site: BuildSite) -> ImageRecord:
    """Have the engine build, and show at which step it is."""
    with site.progress.following(title) as say:
        return site.engine.build(order, lambda line: _tell_steps(line, say))


def _tell_steps(line: str, say: Callable[[str], None]) -> None:
    if line.startswith(("Step ", "STEP ")):
        say(" ".join(line.split())[:100])


def _collect(recipe: ImageRecipe, site: BuildSite, folder: Path, missing: tuple[Pin, ...]) -> None:
    uv = next((pin.version for pin in missing if pin.name == "uv" and pin.version == recipe.uv), "")
    pins = tuple(pin for pin in missing if pin.name != "uv")
    lines: list[str] = []
    access = network_access(site.environ, _WORK)
    order = ContainerOrder(
        image=recipe.system_tag,
        command=("python3", f"{_WORK}/collect_wheels.py", uv, _WORK),
        user="root",
        environment=access.environment,
        folder=_WORK,
        files=(
            *access.files,
            ("collect_wheels.py", recipe.collector.encode()),
            ("missing.txt", render_lines(pins).encode()),
            ("build-constraints.txt", "".join(f"{line}\n" for line in recipe.build_constraints).encode()),
            ("wheels/.keep", b""),
        ),
        outputs=f"{_WORK}/wheels",
        outputs_to=folder,
    )
    with site.progress.following(
        f"Wheels of Airflow {recipe.version.airflow} (kept for the next build)"
    ) as say:
        begun = 0

        def on_line(line: str) -> None:
            nonlocal begun
            lines.append(line)
            begun += line.startswith("Collecting ")
            if line.startswith("Collecting ") and begun % _TOLD == 0:
                say(f"{begun} of {len(missing)}")

        outcome = site.engine.run(order, on_line)
    if outcome.exit_code:
        shown = "\n".join(f"    {line}" for line in lines[-_KEPT:])
        raise ImageBuildError(
            f"The wheels of Airflow {recipe.version.airflow} could not be made (pip ended with {outcome.exit_code}):"
            f"\n{shown}",
            hint="containers must reach the package index (PIP_INDEX_URL and the proxy variables are passed on)",
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
    return tuple(pin for pin in wanted if wheel_of(pin, names) is None)


def _names(folder: Path) -> tuple[str, ...]:
    return tuple(path.name for path in folder.glob("*.whl"))
