"""End to end: whole runs in the running environment; skipped while it does not run."""


def states(run):
    return {task["task_id"]: task["state"] for task in run["tasks"]}


def test_the_pipeline_runs_to_its_end(run_dag):
    run = run_dag("hello_pipeline")
    assert run["state"] == "success"
    assert set(states(run).values()) == {"success"}


def test_no_task_of_the_pipeline_takes_long(run_dag):
    durations = [task["duration"] for task in run_dag("hello_pipeline")["tasks"]]
    assert max(durations) < 60


def test_a_large_size_takes_the_other_branch(run_dag):
    found = states(run_dag("choices_and_failures", conf={"size": 500}))
    assert (found["process_large"], found["process_small"]) == ("success", "skipped")


def test_a_run_that_was_asked_to_fail_fails(run_dag):
    run = run_dag("choices_and_failures", conf={"fail": True})
    assert run["state"] == "failed"
    # It cleans up nevertheless.
    assert states(run)["clean_up"] == "success"
