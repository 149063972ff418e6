import pytest


def test_a_deferred_task_is_resumed_by_its_triggers(dag, run_task):
    look = dag("waits").get_task("look")
    assert not run_task.poke(dag("waits").get_task("seen"))
    assert run_task(look) == "s3://bucket/2024-01-01/x"
    assert run_task.xcoms["look", "both"] == ["s3://bucket/2024-01-01/x", "second"]
    assert run_task.poke(dag("waits").get_task("seen"))


def test_events_can_be_given(dag, run_task):
    assert run_task(dag("waits").get_task("look"), events=[{"answer": "a"}, {"answer": "b"}]) == "a"


def test_a_trigger_that_gives_nothing_in_time(dag, run_task):
    look = dag("waits").get_task("look")
    look.place = "never"
    with pytest.raises(TimeoutError, match="Soon gave no event within 1 s"):
        run_task(look)
    look.place = "{{ ds_nodash }}"
    assert run_task.rendered(look).place == "20240101"
