"""DockerEngine on a real engine and on the fake: images, containers, files in and out, errors."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwaa_local.adapters.docker_engine import SdkEngine, connect_engine
from mwaa_local.docker_ports import (
    MAKE_ROOM,
    BuildOrder,
    ContainerOrder,
    DockerEngine,
    ImageRecord,
    LayerOrder,
    RegistryLogin,
)
from mwaa_local.errors import EngineError, ImageBuildError
from mwaa_local.runtime.image import write_context
from tests.docker_engine import PrivateEngine, engine_problem, private_engine
from tests.fakes_docker import FakeEngine
from tests.small_image import write_busybox
from tests.small_registry import PASSWORD, USER, small_registry

LABEL = "mwaa-local.test"
BARE = 'FROM small:1 AS last\nCMD ["true"]\n'


@pytest.fixture(scope="module")
def daemon() -> Iterator[PrivateEngine]:
    problem = engine_problem("3.7")
    if problem and os.environ.get("CI") != "true":
        pytest.skip(problem)
    assert not problem
    with private_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def real(daemon: PrivateEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkEngine]:
    """An engine with one small image, `small:1`: a shell and its tools."""
    root = tmp_path_factory.mktemp("small") / "small.tar"
    write_busybox(root)
    daemon.docker("import", "--change", f"LABEL {LABEL}=yes", root, "small:1")
    engine = connect_engine({"DOCKER_HOST": daemon.address}, Path("/nowhere"), 0)
    yield engine
    engine.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def engine(request: pytest.FixtureRequest) -> DockerEngine:
    if request.param == "real":
        return request.getfixturevalue("real")  # type: ignore[no-any-return]
    fake = FakeEngine()
    fake.images["small:1"] = fake_image()
    return fake


def fake_image() -> ImageRecord:
    return ImageRecord("sha256:small", ("small:1",), 10_000_000, "linux/amd64", ((LABEL, "yes"),))


def order(tmp_path: Path, dockerfile: str, tag: str, target: str = "last") -> BuildOrder:
    write_context(tmp_path / "context.tar", {"Dockerfile": dockerfile}, {})
    return BuildOrder(
        context=tmp_path / "context.tar",
        target=target,
        tag=tag,
        arguments=(("WORD", "hello"),),
        labels=((LABEL, "built"),),
        platform="linux/amd64",
    )


def test_it_says_what_it_is(engine: DockerEngine) -> None:
    facts = engine.facts()
    assert facts.name == "Docker"
    assert facts.version
    assert facts.platform.startswith("linux/")


def test_an_image_is_found_by_its_name_and_its_label(engine: DockerEngine) -> None:
    image = engine.find_image("small:1")
    assert image is not None
    assert image.label(LABEL) == "yes"
    assert image.size > 1000
    assert image.id in {each.id for each in engine.list_images(LABEL)}
    assert image.id in {each.id for each in engine.list_images(f"{LABEL}=yes")}
    assert image.id not in {each.id for each in engine.list_images(f"{LABEL}=no")}


def test_there_is_no_image_that_nobody_made(engine: DockerEngine) -> None:
    assert engine.find_image("nobody/made:this") is None
    engine.remove_image("nobody/made:this")


def test_what_was_built_is_found_and_can_be_removed(engine: DockerEngine, tmp_path: Path) -> None:
    lines: list[str] = []
    built = engine.build(
        order(tmp_path, "FROM small:1 AS last\nARG WORD\nRUN echo $WORD\n", "built:1"), lines.append
    )
    assert built.label(LABEL) == "built"
    assert lines[0].startswith("Step 1/")
    found = engine.find_image("built:1")
    assert found is not None
    assert found.id == built.id
    engine.remove_image("built:1")
    assert engine.find_image("built:1") is None


def test_a_layer_of_archives_makes_an_image_with_all_else_of_the_one_below(
    engine: DockerEngine, tmp_path: Path
) -> None:
    bare = engine.build(order(tmp_path, BARE, "layered:bare"), print)
    made = engine.add_layer(
        LayerOrder("layered:bare", (layer(tmp_path, "a"), layer(tmp_path, "b")), "layered:1")
    )
    assert made.id != bare.id
    assert (made.tags, made.label(LABEL)) == (("layered:1",), "built")
    # It is built on the other one, which loses its name only.
    engine.remove_image("layered:bare")
    assert engine.find_image("layered:bare") is None
    assert engine.find_image("layered:1") == made
    engine.remove_image("layered:1")
    assert engine.find_image("layered:1") is None


def layer(tmp_path: Path, name: str) -> Path:
    """Write an archive without an end, of one file."""
    file = tmp_path / f"{name}.tar.gz"
    with gzip.open(file, "wb") as stream:
        content = f"{name} is here".encode()
        entry = tarfile.TarInfo(f"data/{name}.txt")
        entry.size, entry.uid = len(content), 1234
        tarfile.open(fileobj=stream, mode="w").addfile(entry, io.BytesIO(content))  # noqa: SIM115
    return file


def test_nothing_can_be_put_on_an_image_that_is_not_there(engine: DockerEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="putting packages on nobody/made:this"):
        engine.add_layer(LayerOrder("nobody/made:this", (layer(tmp_path, "a"),), "layered:1"))


@pytest.mark.docker
def test_what_is_in_the_archives_is_in_the_image_and_nothing_else_is_left(
    real: SdkEngine, daemon: PrivateEngine, tmp_path: Path
) -> None:
    archives = (layer(tmp_path, "a"), layer(tmp_path, "b"))
    real.build(order(tmp_path, BARE, "layered:bare"), print)
    real.add_layer(LayerOrder("layered:bare", archives, "layered:2"))
    lines: list[str] = []
    real.run(ContainerOrder("layered:2", ("cat", "/data/a.txt", "/data/b.txt")), lines.append)
    assert lines == ["a is hereb is here"]
    lines.clear()
    real.run(ContainerOrder("small:1", ("cat", "/data/a.txt"), archives=archives[:1]), lines.append)
    assert lines == ["a is here"]
    assert daemon.docker("ps", "--all", "--quiet") == ""
    (tmp_path / "broken.tar.gz").write_bytes(b"no archive")
    with pytest.raises(EngineError, match="putting packages on layered:bare"):
        real.add_layer(LayerOrder("layered:bare", (tmp_path / "broken.tar.gz",), "layered:3"))
    assert daemon.docker("ps", "--all", "--quiet") == ""
    assert real.find_image("layered:3") is None
    for name in ("layered:2", "layered:bare"):
        real.remove_image(name)


def test_a_container_of_an_image_that_is_not_there_cannot_run(engine: DockerEngine) -> None:
    with pytest.raises(EngineError, match="running nobody/made:this"):
        engine.run(ContainerOrder("nobody/made:this", ("true",)), print)


@pytest.mark.docker
def test_the_step_that_failed_is_named_with_its_lines(real: SdkEngine, tmp_path: Path) -> None:
    dockerfile = "FROM small:1 AS last\nRUN echo fine\nRUN echo out of luck; exit 7\n"
    with pytest.raises(ImageBuildError) as caught:
        real.build(order(tmp_path, dockerfile, "broken:1"), lambda _line: None)
    assert caught.value.message.startswith("The step `RUN echo out of luck; exit 7` failed:")
    assert "returned a non-zero code: 7" in caught.value.message
    assert "    out of luck" in caught.value.message
    assert "    fine" not in caught.value.message
    assert real.find_image("broken:1") is None


@pytest.mark.docker
def test_a_base_that_cannot_be_had_is_named(real: SdkEngine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="localhost:9/nobody"):
        real.build(order(tmp_path, "FROM localhost:9/nobody:1 AS last\n", "broken:1"), lambda _line: None)


@pytest.mark.docker
def test_the_step_that_begins_with_a_base_is_shown_with_the_bases_name(
    real: SdkEngine, tmp_path: Path
) -> None:
    dockerfile = "ARG WORD\nFROM localhost:9/${WORD}:1 AS last\n"
    with pytest.raises(ImageBuildError) as caught:
        real.build(order(tmp_path, dockerfile, "broken:1"), lambda _line: None)
    assert caught.value.message.startswith("The step `FROM localhost:9/hello:1 AS last` failed:")
    assert "--base-image NAME" in str(caught.value.hint)


@pytest.mark.docker
def test_a_full_disk_of_the_engine_is_told_as_that(real: SdkEngine, tmp_path: Path) -> None:
    dockerfile = "FROM small:1 AS last\nRUN echo no space left on device; exit 1\n"
    with pytest.raises(ImageBuildError) as caught:
        real.build(order(tmp_path, dockerfile, "broken:1"), lambda _line: None)
    assert caught.value.hint == MAKE_ROOM


@pytest.mark.docker
def test_the_last_line_of_a_container_that_ends_at_once_is_not_lost(real: SdkEngine) -> None:
    command = ("sh", "-c", "echo first; printf last")
    for _ in range(5):
        lines: list[str] = []
        assert real.run(ContainerOrder("small:1", command, network=False), lines.append).exit_code == 0
        assert lines == ["first", "last"]


@pytest.mark.docker
def test_the_entry_program_of_an_image_is_not_in_the_way_of_a_command(
    real: SdkEngine, tmp_path: Path
) -> None:
    dockerfile = 'FROM small:1 AS last\nENTRYPOINT ["false"]\nCMD ["more"]\n'
    real.build(order(tmp_path, dockerfile, "entered:1"), lambda _line: None)
    lines: list[str] = []
    command = ("sh", "-c", 'echo "I was run with $# more"')
    assert real.run(ContainerOrder("entered:1", command, network=False), lines.append).exit_code == 0
    assert lines == ["I was run with 0 more"]
    real.remove_image("entered:1")


@pytest.mark.docker
def test_files_go_into_a_container_and_come_out_of_it(real: SdkEngine, tmp_path: Path) -> None:
    lines: list[str] = []
    outcome = real.run(
        ContainerOrder(
            image="small:1",
            command=("sh", "-c", "cat /data/in.txt; echo $COLOUR; cp /data/in.txt /data/out/copy; exit 3"),
            environment=(("COLOUR", "blue"),),
            folder="/data",
            files=(("in.txt", b"from here\n"), ("out/.keep", b"")),
            outputs="/data/out",
            outputs_to=tmp_path / "fetched",
            network=False,
        ),
        lines.append,
    )
    assert (outcome.exit_code, lines) == (3, ["from here", "blue"])
    assert (tmp_path / "fetched" / "copy").read_bytes() == b"from here\n"


@pytest.mark.docker
def test_a_container_is_gone_however_it_ended(real: SdkEngine, daemon: PrivateEngine) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        real.run(ContainerOrder("small:1", ("sh", "-c", "echo begun; sleep 60")), interrupt)
    assert daemon.docker("ps", "--all", "--quiet") == ""


def test_an_image_that_is_not_there_cannot_be_pushed(engine: DockerEngine) -> None:
    with pytest.raises(EngineError, match=r"pushing localhost:1/a:1: No such image"):
        engine.push("nobody/made:this", "localhost:1/a:1", None, print)


@pytest.mark.docker
def test_a_pushed_image_arrives_with_the_digest_that_is_told(real: SdkEngine) -> None:
    lines: list[str] = []
    with small_registry() as registry:
        to = f"{registry.host}/team/small:1-abc"
        digest = real.push("small:1", to, RegistryLogin(USER, PASSWORD), lines.append)
        manifest = registry.manifests["team/small:1-abc"]
    assert digest == "sha256:" + hashlib.sha256(manifest).hexdigest()
    assert any(line.endswith("Pushed") for line in lines)
    assert {layer["digest"] for layer in json.loads(manifest)["layers"]} <= registry.blobs.keys()
    assert real.find_image(to) is None
    assert real.find_image("small:1") is not None


@pytest.mark.docker
def test_a_registry_that_does_not_know_us_says_so(real: SdkEngine) -> None:
    with small_registry() as registry, pytest.raises(EngineError, match="was not pushed") as caught:
        real.push("small:1", f"{registry.host}/small:1", RegistryLogin(USER, "wrong"), print)
    assert "docker login" in caught.value.hint
    assert "wrong" not in caught.value.message
