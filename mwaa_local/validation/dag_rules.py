"""Every rule about DAG files, in one list; `dag_check` applies them."""

from mwaa_local.validation import dag_argument_rules as arguments
from mwaa_local.validation import dag_code_rules as code
from mwaa_local.validation import dag_import_rules as imports
from mwaa_local.validation import dag_parse_time_rules as parse_time
from mwaa_local.validation import dag_s3_rules as s3
from mwaa_local.validation.finding import Severity
from mwaa_local.validation.rule import DagRule, Rule

_INSIDE = "Do it inside a task: move it into the function that the task calls."
_TEMPLATE = 'Read it inside a task, or let a template do it: "{{ var.value.name }}".'

SYNTAX = Rule(
    "python-syntax",
    Severity.ERROR,
    "A Python file of the DAGs folder is no valid Python for MWAA's version of it.",
    "Write it for the Python of the environment.",
    "MWAA-FACTS 1.1",
)
ENCODING = Rule(
    "file-encoding",
    Severity.ERROR,
    "A Python file of the DAGs folder is not UTF-8.",
    "Save it as UTF-8.",
    "MWAA-FACTS 11.3 #35",
)
UNKNOWN_IGNORE = Rule(
    "unknown-ignore",
    Severity.WARNING,
    "An ignore comment names a rule that there is not.",
    "`mwaa-local validate --list` shows every rule.",
    "mwaa-local",
)


E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

DAG_RULES: tuple[DagRule, ...] = (
    DagRule(
        Rule(
            "top-level-variable",
            W,
            "A Variable is read while the file is parsed.",
            _TEMPLATE,
            "MWAA-FACTS 10, 11.3 #19",
        ),
        parse_time.top_level_variable,
    ),
    DagRule(
        Rule(
            "top-level-connection",
            W,
            "A Connection is read while the file is parsed.",
            _INSIDE,
            "MWAA-FACTS 10, 11.3 #19",
        ),
        parse_time.top_level_connection,
    ),
    DagRule(
        Rule(
            "top-level-aws",
            W,
            "AWS is called, or a client made, while the file is parsed.",
            _INSIDE,
            "MWAA-FACTS 11.3 #19",
        ),
        parse_time.top_level_aws,
    ),
    DagRule(
        Rule(
            "top-level-network",
            W,
            "The network is used while the file is parsed.",
            _INSIDE,
            "MWAA-FACTS 11.3 #19",
        ),
        parse_time.top_level_network,
    ),
    DagRule(
        Rule(
            "top-level-database",
            W,
            "A database is used while the file is parsed.",
            _INSIDE,
            "MWAA-FACTS 11.3 #19",
        ),
        parse_time.top_level_database,
    ),
    DagRule(
        Rule(
            "top-level-process",
            W,
            "A program is run, or time slept, while the file is parsed.",
            _INSIDE,
            "MWAA-FACTS 6.4, 11.3 #19",
        ),
        parse_time.top_level_process,
    ),
    DagRule(
        Rule(
            "heavy-import",
            W,
            "A large library is imported while the file is parsed.",
            "Import it inside the function that needs it.",
            "MWAA-FACTS 6.4, 11.3 #19",
        ),
        parse_time.heavy_import,
    ),
    DagRule(
        Rule(
            "dynamic-date",
            W,
            "The present time is an argument of a DAG or a task.",
            "Use a fixed start_date, and in tasks a template such as {{ ds }}.",
            "SEEDS S1; MWAA-FACTS 11.3 #21",
        ),
        arguments.dynamic_date,
    ),
    DagRule(
        Rule(
            "custom-queue",
            E,
            "A task names a queue: MWAA has one of its own.",
            "Leave queue out.",
            "MWAA-FACTS 7, 11.3 #14",
        ),
        arguments.custom_queue,
    ),
    DagRule(
        Rule(
            "deferrable-operator",
            E,
            "A task waits for a triggerer, and MWAA runs none before 2.7.2.",
            "Use the operator without deferrable=, a sensor in reschedule mode, or MWAA 2.7.2 or later.",
            "MWAA-FACTS 1.3, 11.3 #17",
        ),
        arguments.deferrable_operator,
    ),
    DagRule(
        Rule(
            "catchup-unset",
            I,
            "A DAG leaves catchup to the configuration, whose default differs between versions.",
            "Say catchup=False, or True if you mean it.",
            "MWAA-FACTS 11.3 #21; SEEDS S2",
        ),
        arguments.catchup_unset,
    ),
    DagRule(
        Rule(
            "task-over-12-hours",
            W,
            "A task may run for more than 12 hours: the queue then hands it out again.",
            "Divide it, or wait in reschedule mode.",
            "MWAA-FACTS 7, 11.3 #15",
        ),
        arguments.task_over_12_hours,
    ),
    DagRule(
        Rule(
            "unknown-dag-argument",
            E,
            "A DAG has an argument that this Airflow does not take.",
            "Leave it out.",
            "Airflow's signature of DAG",
        ),
        arguments.unknown_dag_argument,
    ),
    DagRule(
        Rule(
            "default-argument",
            W,
            "An argument of DAGs stands among the default arguments of tasks, where it has no effect.",
            "Give it to the DAG itself.",
            "Airflow's signatures of DAG and BaseOperator; SEEDS S2",
        ),
        arguments.default_argument,
    ),
    DagRule(
        Rule(
            "s3-path",
            W,
            "A place in S3 is named in a form that S3 takes for something else, or for nothing.",
            "Write s3://bucket/key, a bucket without slashes, a key that does not begin with one.",
            "MWAA-FACTS 2.1, 11.3 #29",
        ),
        s3.s3_path,
    ),
    DagRule(
        Rule(
            "subdag",
            W,
            "A SubDAG is used: deprecated since 2.0, removed in 3.0.",
            "Use task groups.",
            "Airflow's release notes of 2.0 and 3.0",
        ),
        arguments.subdag,
    ),
    DagRule(
        Rule(
            "secret-in-code",
            W,
            "A secret is written into a file.",
            "Keep it in Secrets Manager, in a Connection or in a Variable.",
            "SEEDS S1; MWAA-FACTS 10",
        ),
        code.secret_in_code,
    ),
    DagRule(
        Rule(
            "local-file-between-tasks",
            W,
            "One task writes a local file that another one reads: workers share no disk.",
            "Hand it over in S3, or as an XCom if it is small.",
            "MWAA-FACTS 11.3 #12",
        ),
        code.local_file_between_tasks,
    ),
    DagRule(
        Rule(
            "rest-api-call",
            W,
            "Airflow's REST API is called in a form that this version on MWAA denies.",
            "Use a CLI token and /aws_mwaa/cli, TriggerDagRunOperator, or MWAA 2.4.3 or later.",
            "MWAA-FACTS 1.3, 9.5, 11.3 #18",
        ),
        code.rest_api_call,
    ),
    DagRule(
        Rule(
            "virtualenv-operator",
            W,
            "A task makes a virtual environment, which MWAA does not support without further ado.",
            "Put virtualenv into requirements.txt and PIP_USER out of the way, or run the task elsewhere (ECS, Batch).",
            "MWAA-FACTS 11.3 #36",
        ),
        code.virtualenv_operator,
    ),
    DagRule(
        Rule(
            "never-scanned",
            E,
            "A file makes a DAG, but Airflow never opens it: it looks for the words `airflow` and `dag` first.",
            "Put both words into the file, for example in a comment.",
            "MWAA-FACTS 2.5",
        ),
        code.never_scanned,
    ),
    DagRule(
        Rule(
            "unknown-name",
            E,
            "A name is imported that the installed provider version does not have.",
            "Use what that version has, or require another version.",
            "MWAA-FACTS 1.4, 11.3 #33; SEEDS S1",
        ),
        imports.unknown_name,
    ),
    DagRule(
        Rule(
            "name-not-in-stock",
            W,
            "A name is imported that exists here, but not in the provider version that MWAA preinstalls.",
            "Pin the provider in requirements.txt.",
            "MWAA-FACTS 1.4, 11.3 #33",
        ),
        imports.not_in_stock,
    ),
    DagRule(
        Rule(
            "missing-provider",
            W,
            "A provider is imported that MWAA does not preinstall and requirements.txt does not name.",
            "Add it to requirements.txt.",
            "MWAA-FACTS 1.2",
        ),
        imports.missing_provider,
    ),
    DagRule(
        Rule(
            "deprecated-name",
            I,
            "A deprecated name of a provider is imported.",
            "Use its successor before you upgrade.",
            "MWAA-FACTS 11.3 #33",
        ),
        imports.deprecated_name,
    ),
    DagRule(
        Rule(
            "python-too-old",
            E,
            "The file uses what MWAA's Python does not have, or not any more.",
            "Write it for the Python of the environment.",
            "MWAA-FACTS 1.1",
        ),
        imports.python_too_old,
    ),
)
