"""The rules about what reading DAG files in Airflow shows; `dag_report_rules` applies them."""

from mwaa_local.validation.finding import Severity
from mwaa_local.validation.rule import Rule

E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

IMPORT_ERROR = Rule("dag-import-error", E, "Airflow cannot read a DAG file.", "", "Airflow's DagBag")
MISSING_MODULE = Rule(
    "missing-module",
    E,
    "A DAG file imports a module that the environment does not have.",
    "",
    "MWAA-FACTS 3, 11.3 #2",
)
MISSING_ENTRY = Rule(
    "missing-at-parse",
    E,
    "A Variable or Connection that is read while the file is parsed is not known here.",
    "Read it inside a task, or give it: AIRFLOW_VAR_NAME=..., AIRFLOW_CONN_NAME=..., or a secrets file.",
    "MWAA-FACTS 10, 11.3 #19",
)
OUTSIDE = Rule(
    "outside-at-parse",
    W,
    "A DAG file reaches outside while it is parsed: to a Variable, a Connection, the database or the network.",
    "Do it inside a task.",
    "MWAA-FACTS 10, 11.3 #19",
)
CYCLE = Rule(
    "dag-cycle",
    E,
    "The tasks of a DAG wait for each other in a circle.",
    "Remove one of the dependencies.",
    "Airflow's DagBag",
)
SCHEDULE = Rule(
    "dag-schedule",
    E,
    "A DAG has a schedule that Airflow cannot use.",
    "Correct the cron expression or the timetable.",
    "Airflow's DagBag",
)
STORAGE = Rule(
    "dag-not-storable",
    E,
    "A DAG cannot be serialized, so that neither web server nor scheduler see it.",
    "Use plain values as arguments.",
    "Airflow's serialization",
)
TIMEOUT = Rule(
    "dag-file-timeout",
    E,
    "Reading a file takes longer than MWAA allows.",
    "Move work from the top of the file into tasks.",
    "MWAA-FACTS 6.3, 6.4, 11.3 #19",
)
CRASH = Rule(
    "dag-file-crash",
    E,
    "Reading a file ends the process that reads it.",
    "Remove what ends the process from the top of the file.",
    "MWAA-FACTS 11.3 #19",
)
SLOW = Rule(
    "slow-dag-file",
    W,
    "Reading a file takes more than half of what MWAA allows; its processors are slower than a laptop's.",
    "Import large libraries in the functions that need them.",
    "MWAA-FACTS 6.4, 11.3 #13, #19",
)
CAPACITY = Rule(
    "dag-count",
    W,
    "There are more DAGs than the environment class is made for.",
    "Choose a larger class, or divide the DAGs among environments.",
    "MWAA-FACTS 6.6, 11.3 #31",
)
START_DATE = Rule(
    "no-start-date",
    W,
    "A task has no start_date, neither its own nor the DAG's: it cannot be scheduled.",
    "Give the DAG a start_date.",
    "Airflow's BaseOperator",
)
OWNER = Rule(
    "no-owner",
    I,
    "No task of a DAG has an owner of its own.",
    'Say whom to ask: default_args={"owner": "team"}.',
    "SEEDS S2",
)
RETRIES = Rule(
    "no-retries",
    I,
    "No task of a DAG is tried again when it fails; MWAA takes workers away while tasks run.",
    'Say how often: default_args={"retries": 2}.',
    "MWAA-FACTS 11.3 #16; SEEDS S2",
)
QUEUE = Rule(
    "custom-queue",
    E,
    "A task names a queue: MWAA has one of its own.",
    "Leave queue out.",
    "MWAA-FACTS 7, 11.3 #14",
)
DEFERRABLE = Rule(
    "deferrable-operator",
    E,
    "A task waits for a triggerer, and MWAA runs none before 2.7.2.",
    "Use deferrable=False, or a sensor in reschedule mode.",
    "MWAA-FACTS 1.3, 11.3 #17",
)
STALE = Rule(
    "stale-known-failure",
    W,
    "The list of known failures names a file that has none.",
    "Remove the line.",
    "mwaa-local",
)
INCOMPLETE = Rule(
    "dags-not-read", E, "Airflow could not read the DAGs folder to its end.", "", "Airflow's DagBag"
)

REPORT_RULES: tuple[Rule, ...] = (
    IMPORT_ERROR,
    MISSING_MODULE,
    MISSING_ENTRY,
    OUTSIDE,
    CYCLE,
    SCHEDULE,
    STORAGE,
    TIMEOUT,
    CRASH,
    SLOW,
    CAPACITY,
    START_DATE,
    OWNER,
    RETRIES,
    STALE,
    INCOMPLETE,
)
