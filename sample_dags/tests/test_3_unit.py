"""Unit: one task at a time, with a made-up context."""

import pytest


def test_the_greeting_comes_from_the_environment(dag, run_task, monkeypatch):
    monkeypatch.setenv("SAMPLE_GREETING", "Good morning")
    assert run_task(dag("hello_pipeline").get_task("greet")) == "Good morning"


@pytest.mark.parametrize(("size", "branch"), [(5, "process_small"), (500, "process_large")])
def test_the_size_decides_on_the_branch(dag, run_task, size, branch):
    task = dag("choices_and_failures").get_task("choose")
    assert task.python_callable(run_task.instance(task, xcoms={"read_settings": {"size": size}})) == branch


def test_the_settings_come_from_the_run(dag, run_task):
    task = dag("choices_and_failures").get_task("read_settings")
    assert run_task(task, conf={"size": "7"}) == {"size": 7, "fail": False}


def test_the_service_fails_first_and_works_then(dag, run_task):
    task = dag("choices_and_failures").get_task("call_unreliable_service")
    known = {"read_settings": {"size": 1, "fail": False}}
    with pytest.raises(RuntimeError, match="the next attempt"):
        run_task(task, xcoms=known, try_number=1)
    assert run_task(task, xcoms=known, try_number=2) is None


def test_our_operator_counts_the_words(dag, run_task):
    assert run_task(dag("report_orders").get_task("count_words")) == 6


def test_the_text_is_a_template(dag, run_task):
    task = dag("report_orders").get_task("count_words")
    assert run_task.rendered(task).text == "Orders of the day before, 2024-01-01!"
