"""Runs a task's own code with a made-up context: no database, no scheduler. Runs on Python 3.7 and up."""

import copy
import datetime

from mwaa_inside.deferral import deferral_class, finish

RETURNED = "return_value"


class FakeTaskInstance:
    """What a task sees as its `ti`."""

    def __init__(self, task, xcoms, run_id, logical_date, try_number):
        self.task = task
        self.task_id = task.task_id
        self.dag_id = task.dag.dag_id if getattr(task, "dag", None) else ""
        self.run_id = run_id
        self.execution_date = self.logical_date = logical_date
        self.try_number = try_number
        self.max_tries = int(task.retries or 0)
        self.map_index = -1
        self.state = "running"
        self.hostname = "localhost"
        self.start_date = datetime.datetime.now(datetime.timezone.utc)
        self._xcoms = xcoms

    def xcom_push(self, key, value, *_arguments, **_named):
        """Keep a value for other tasks."""
        self._xcoms[(self.task_id, key)] = value

    def xcom_pull(self, task_ids=None, dag_id=None, key=RETURNED, default=None, **_named):  # noqa: ARG002
        """Return what a task, or each of several tasks, has kept."""
        if task_ids is None:
            found = [value for (_, name), value in self._xcoms.items() if name == key]
            return found[-1] if found else plain(default)
        if isinstance(task_ids, str):
            return self._xcoms.get((task_ids, key), plain(default))
        return [self._xcoms[(each, key)] for each in task_ids if (each, key) in self._xcoms]


class FakeDagRun:
    """What a task sees as its `dag_run`."""

    def __init__(self, dag_id, run_id, conf, logical_date):
        self.dag_id, self.run_id, self.conf = dag_id, run_id, conf
        self.execution_date = self.logical_date = self.run_after = logical_date
        self.data_interval_start = self.data_interval_end = logical_date
        self.start_date = logical_date
        self.external_trigger = True
        self.run_type = "manual"
        self.state = "running"


class TaskRunner:
    """Runs tasks one after the other, and hands on what they return."""

    def __init__(self):
        self.xcoms = {}

    def __call__(self, task, events=(), **given):
        """Run one task and return its result; an exception of the task is raised as it is.

        As a worker does: templates are filled in, then `pre_execute`, `execute`, `post_execute`. A task that defers
        itself is resumed with the next of `events`, or with what its trigger really gives.
        """
        copied, made = self.prepare(task, **given)
        call(copied, "pre_execute", made)
        try:
            result = copied.execute(made)
        except deferral_class() as deferred:
            result = finish(copied, deferred, made, events)
        call(copied, "post_execute", made, result)
        self.keep(copied, result)
        return result

    def poke(self, task, **given):
        """Let a sensor look once, and return what it saw."""
        copied, made = self.prepare(task, **given)
        return copied.poke(made)

    def rendered(self, task, **given):
        """Return a copy of the task with its templates filled in."""
        return self.prepare(task, **given)[0]

    def prepare(
        self, task, conf=None, xcoms=None, params=None, logical_date=None, context=None, try_number=1
    ):
        """Return a copy of the task, its templates filled in, and the context that it runs with."""
        allow_direct_execution()
        self.know(xcoms or {})
        made = self.make_context(task, conf or {}, params or {}, logical_date, try_number)
        made.update(context or {})
        copied = copy.copy(task)
        copied.params = made["params"]
        render(copied, made)
        return copied, made

    def keep(self, task, result):
        """Keep a result for the tasks that follow."""
        if result is None or not getattr(task, "do_xcom_push", True):
            return
        self.xcoms[(task.task_id, RETURNED)] = result
        if getattr(task, "multiple_outputs", False) and isinstance(result, dict):
            self.xcoms.update({(task.task_id, str(key)): value for key, value in result.items()})

    def know(self, xcoms):
        """Take values as results of other tasks, by their ids."""
        for task_id, value in xcoms.items():
            self.xcoms[(task_id, RETURNED)] = value

    def instance(self, task, xcoms=None):
        """Return what a task would see as its `ti`, to call its Python function with."""
        self.know(xcoms or {})
        return self.make_context(task, {}, {}, None, 1)["ti"]

    def make_context(self, task, conf, params, logical_date, try_number):
        """Return what Airflow's templates and Python callables may ask for."""
        date = logical_date or datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        dag = getattr(task, "dag", None)
        run_id = "test__" + date.isoformat()
        run = FakeDagRun(dag.dag_id if dag else "", run_id, conf, date)
        instance = FakeTaskInstance(task, self.xcoms, run_id, date, try_number)
        day = date.strftime("%Y-%m-%d")
        return {
            "conf": None,
            "dag": dag,
            "dag_run": run,
            "data_interval_end": date,
            "data_interval_start": date,
            "ds": day,
            "ds_nodash": day.replace("-", ""),
            "execution_date": date,
            "logical_date": date,
            "macros": find_macros(),
            "params": dict(find_params(dag), **dict(find_params(task), **params)),
            "run_id": run_id,
            "task": task,
            "task_instance": instance,
            "task_instance_key_str": "%s__%s__%s" % (instance.dag_id, task.task_id, day),
            "templates_dict": None,
            "test_mode": True,
            "ti": instance,
            "try_number": try_number,
            "ts": date.isoformat(),
            "ts_nodash": date.strftime("%Y%m%dT%H%M%S"),
        }


def call(task, name, *arguments):
    """Call a hook of the task's if it has it."""
    hook = getattr(task, name, None)
    if hook is not None:
        hook(*arguments)


def plain(default):
    """Return a default; Airflow's own mark for "not given" means None."""
    return None if type(default).__name__ in ("ArgNotSet", "NOTSET", "_NotSet") else default


def find_params(owner):
    """Return the parameters of a DAG or a task with their default values."""
    params = getattr(owner, "params", None)
    if params is None:
        return {}
    return params.dump() if hasattr(params, "dump") else dict(params)


def find_macros():
    """Return Airflow's macros, and those of plugins."""
    try:
        from airflow.sdk.execution_time import macros
    except ImportError:
        from airflow import macros
    from airflow import plugins_manager

    integrate = getattr(plugins_manager, "integrate_macros_plugins", None)
    if integrate is not None:
        integrate()
    return macros


def render(task, context):
    """Fill in the templates of a task."""
    environment = task.get_template_env()
    for field in getattr(task, "template_fields", ()):
        value = getattr(task, field, None)
        if value is not None:
            setattr(task, field, task.render_template(value, context, environment))


def allow_direct_execution():
    """Let `execute` be called without a task instance; newer versions refuse that outside of their own tests."""
    for module in ("airflow.sdk.bases.operator", "airflow.models.baseoperator"):
        try:
            guard = __import__(module, fromlist=["ExecutorSafeguard"]).ExecutorSafeguard
        except (ImportError, AttributeError):
            continue
        guard.test_mode = True
