"""Who the supervisor of a folder is, how it is ended, and what is taken for a leftover."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from mwaa_local.errors import RuntimeStateError
from mwaa_local.ports import ProcessId
from mwaa_local.runtime.leftovers import (
    RUN_VARIABLE,
    SUPERVISOR_VARIABLE,
    Watch,
    recorded_runs,
    remove_leftovers,
    render_run,
    render_supervisor,
    stop_supervisor,
    supervisor_of,
)
from mwaa_local.runtime.state import StateFolder
from tests.fakes import FakeClock, FakeProcesses


class Scene:
    """A state folder with a supervisor and a service."""

    def __init__(self, root: Path) -> None:
        self.folder = StateFolder(root)
        self.folder.create()
        self.processes = FakeProcesses()
        self.supervisor = self.processes.add(10, (SUPERVISOR_VARIABLE, "run-1"))
        self.service = self.processes.add(11, (RUN_VARIABLE, "run-1"))
        self.stranger = self.processes.add(12, (RUN_VARIABLE, "run-of-another-project"))
        self.watch = Watch(
            self.processes, FakeClock(), lambda _path: self.processes.is_alive(self.supervisor)
        )
        self.folder.run.write_text(render_run(self.folder, "run-1"))
        self.folder.supervisor.write_text(render_supervisor(self.folder, self.supervisor, "run-1"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / ".mwaa-local")


def test_the_supervisor_is_found_by_its_record(scene: Scene) -> None:
    assert supervisor_of(scene.folder, scene.watch) == scene.supervisor


@pytest.mark.parametrize(
    "record", ["", "[]", "{}", '{"pid": "x", "started": null}', '{"pid": 12, "started": 1}']
)
def test_with_a_damaged_record_it_is_found_by_its_mark(scene: Scene, record: str) -> None:
    scene.folder.supervisor.write_text(record)

    assert supervisor_of(scene.folder, scene.watch) == scene.supervisor


def test_without_a_lock_there_is_no_supervisor_whatever_the_record_says(scene: Scene) -> None:
    watch = replace(scene.watch, is_locked=lambda _path: False)

    assert supervisor_of(scene.folder, watch) is None


def test_stopping_asks_the_supervisor_and_then_kills_what_is_left_of_this_run_alone(scene: Scene) -> None:
    stop_supervisor(scene.folder, scene.watch)

    assert scene.processes.signals == [(10, signal.SIGTERM)]
    assert scene.processes.killed == [11]
    assert list(scene.processes.living) == [12]


def test_a_supervisor_that_does_not_end_is_killed(scene: Scene) -> None:
    scene.processes.stubborn.add(10)

    stop_supervisor(scene.folder, scene.watch)

    assert scene.processes.killed == [10, 11]


def test_a_pid_that_now_belongs_to_another_process_is_never_signalled(scene: Scene) -> None:
    record = json.loads(scene.folder.supervisor.read_text()) | {"pid": 12}
    scene.folder.supervisor.write_text(json.dumps(record))

    stop_supervisor(scene.folder, scene.watch)

    assert scene.processes.is_alive(scene.stranger)
    assert (12, signal.SIGTERM) not in scene.processes.signals


def test_a_supervisor_that_nothing_tells_of_is_an_error(scene: Scene) -> None:
    scene.folder.run.write_text("")
    scene.folder.supervisor.write_text("")

    with pytest.raises(RuntimeStateError, match=r"The environment runs, but .* are damaged\."):
        stop_supervisor(scene.folder, scene.watch)


def test_a_copied_folder_has_no_leftovers(scene: Scene, tmp_path: Path) -> None:
    copy = StateFolder(tmp_path / "copy")
    copy.create()
    for path in (scene.folder.run, scene.folder.supervisor):
        (copy.root / "run" / path.name).write_text(path.read_text())

    assert recorded_runs(copy) == ()
    assert remove_leftovers(copy, scene.watch) == 0
    assert len(scene.processes.living) == 3


def test_a_moved_folder_keeps_its_leftovers(scene: Scene, tmp_path: Path) -> None:
    scene.folder.root.rename(tmp_path / "moved")

    assert recorded_runs(StateFolder(tmp_path / "moved")) == ("run-1",)


def test_one_damaged_record_is_made_up_for_by_the_other(scene: Scene) -> None:
    scene.folder.run.write_bytes(b"\xff\x00")

    assert recorded_runs(scene.folder) == ("run-1",)
    assert remove_leftovers(scene.folder, scene.watch) == 2


def test_processes_that_cannot_be_killed_are_named(scene: Scene) -> None:
    class Immortal(FakeProcesses):
        def kill_tree(self, process: ProcessId) -> None:
            """Be refused."""

    immortal = Immortal(scene.processes.living, scene.processes.marks)

    with pytest.raises(RuntimeStateError, match=r"Processes of an earlier start cannot be ended: 10, 11"):
        remove_leftovers(scene.folder, replace(scene.watch, processes=immortal))
