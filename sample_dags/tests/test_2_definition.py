"""Definition: a DAG has the tasks that it should have, of the right kind, in the right order."""


def downstream(dag):
    return {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}


def test_the_greeting_goes_through_three_tasks(dag):
    assert downstream(dag("hello_pipeline")) == {"greet": ["measure"], "measure": ["report"], "report": []}


def test_both_branches_lead_to_the_service(dag):
    tasks = downstream(dag("choices_and_failures"))
    assert tasks["choose"] == ["process_large", "process_small"]
    assert tasks["process_large"] == tasks["process_small"] == ["call_unreliable_service"]


def test_the_service_is_called_whichever_branch_was_taken(dag):
    task = dag("choices_and_failures").get_task("call_unreliable_service")
    assert task.retries == 1
    assert str(task.trigger_rule) in (
        "none_failed_min_one_success",
        "TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS",
    )


def test_a_report_is_one_task_of_our_own_operator(dag):
    (task,) = dag("report_orders").tasks
    assert type(task).__name__ == "CountWordsOperator"
