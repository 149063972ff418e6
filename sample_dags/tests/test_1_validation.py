"""Validation: every file can be read, and every DAG keeps the team's rules. Run with `mwaa-local pytest tests`."""


def test_every_file_can_be_read(dag_bag):
    assert dag_bag.import_errors == {}


def test_a_dag_has_an_owner_and_a_fixed_start(each_dag):
    assert each_dag.start_date is not None
    assert {task.owner for task in each_dag.tasks} & {"airflow", ""} == set()


def test_a_dag_makes_up_for_nothing_by_itself(each_dag):
    assert each_dag.catchup is False


def test_the_default_arguments_are_those_of_tasks(each_dag):
    # What belongs to the DAG itself has no effect among them.
    assert {"catchup", "schedule", "schedule_interval", "tags"} & set(each_dag.default_args) == set()


def test_the_tasks_do_not_wait_for_each_other_in_a_circle(each_dag):
    # A file with a circle would be an import error already; this says which tasks come first and last.
    assert each_dag.roots
    assert each_dag.leaves


def test_no_task_names_a_queue(each_dag):
    # MWAA has one queue, and its name is not ours to know.
    assert {task.queue for task in each_dag.tasks} <= {"default", None}
