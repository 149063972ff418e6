"""Deployments of real teams' shapes: one folder of a shared DAG base, two copies of one folder, requirements in it."""

from tests.cli.deploying import DAG, UNCHECKED, DeployedSite

THEIRS = {
    "airflow/dags/other_team/dag.py": "theirs",
    "airflow/dags/shared.py": "theirs",
    "airflow/dags/etl_old/dag.py": "theirs",
    "airflow/logs/x.log": "theirs",
}


def write_orchestrator(site: DeployedSite) -> None:
    """Lay out an orchestrator repository: `etl/` under a DAG base that others have folders in."""
    site.write("airflow/dags/.airflowignore", "etl/configs/.*\n")
    site.write("airflow/dags/etl/common_packages/names.py", 'NAME = "cwr"\n')
    site.write("airflow/dags/etl/configs/settings.py", "RETRIES = 1\n")
    dag = (
        DAG.format(name="cwr")
        .replace("schedule=", "schedule_interval=")
        .replace("import DAG\n", "import DAG\n\nfrom etl.common_packages.names import NAME\n")
    )
    site.write("airflow/dags/etl/cwr_dags/cwr-big_dag_un.py", dag + "\n    print(NAME)\n")
    site.write("airflow/dags/etl/cwr_dags/__pycache__/x.pyc", "junk")
    site.write("airflow/plugins/macros.py", "MACRO = 1\n")
    (site.root / "dags" / "orders.py").unlink()
    (site.root / "dags").rmdir()
    site.write(
        "mwaa-local.toml",
        '[environment]\nversion = "2.2.2"\n\n[paths]\ndags = "airflow/dags"\nplugins = "airflow/plugins"\n\n'
        f'[deployments.staging]\nbucket = "{site.bucket}"\nregion = "us-east-1"\nenvironment = "{site.bucket}"\n'
        'dag_s3_path = "airflow/dags"\nplugins_s3_path = "airflow/plugins/plugins.zip"\nprefix = "etl"\n',
    )


def test_an_environment_that_reads_elsewhere_stops_it(site: DeployedSite) -> None:
    write_orchestrator(site)
    site.make_environment(AirflowVersion="2.2.2", DagS3Path="dags")
    done = site.deploy()
    assert done.exit_code == 3
    assert (
        "error: Environment BUCKET reads its DAGs from dags, not airflow/dags. [environment-paths]"
        in done.stdout
    )


def test_one_folder_of_a_shared_base_is_ours_and_nothing_else_is_touched(site: DeployedSite) -> None:
    write_orchestrator(site)
    site.make_environment(AirflowVersion="2.2.2", DagS3Path="airflow/dags")
    for key, content in THEIRS.items():
        site.put(key, content)
    done = site.deploy()
    assert done.exit_code == 0
    ours = {
        "airflow/dags/.airflowignore",
        "airflow/dags/etl/common_packages/names.py",
        "airflow/dags/etl/configs/settings.py",
        "airflow/dags/etl/cwr_dags/cwr-big_dag_un.py",
        "airflow/plugins/plugins.zip",
    }
    assert site.objects().keys() == ours | THEIRS.keys()
    keys = [
        line.partition(": ")[2].strip() for line in done.stderr.splitlines() if line.startswith("Deployed: ")
    ]
    names = [key.partition(": ")[2] or key for key in keys]
    # A module is there before the DAG that imports it.
    assert names.index("airflow/dags/etl/common_packages/names.py") < names.index(
        "airflow/dags/etl/cwr_dags/cwr-big_dag_un.py"
    )
    assert "info: Support of Airflow 2.2.2 ended on 2024-06-27" in done.stdout


def test_deleting_everything_of_ours_leaves_everything_of_others(site: DeployedSite) -> None:
    write_orchestrator(site)
    site.make_environment(AirflowVersion="2.2.2", DagS3Path="airflow/dags")
    for key, content in THEIRS.items():
        site.put(key, content)
    assert site.deploy().exit_code == 0
    (site.root / "airflow/dags/etl/cwr_dags/cwr-big_dag_un.py").unlink()
    assert site.deploy("--delete").exit_code == 0
    left = site.objects()
    assert {key: left[key] for key in THEIRS} == THEIRS
    assert "airflow/dags/etl/cwr_dags/cwr-big_dag_un.py" not in left


def test_a_single_dag_file_is_deployed_by_its_path(site: DeployedSite) -> None:
    write_orchestrator(site)
    site.make_environment(AirflowVersion="2.2.2", DagS3Path="airflow/dags")
    done = site.deploy("--only", "airflow/dags/etl/cwr_dags/cwr-big_dag_un.py")
    assert done.exit_code == 0
    assert site.objects().keys() == {"airflow/dags/etl/cwr_dags/cwr-big_dag_un.py"}


def write_two_copies(site: DeployedSite) -> None:
    """Lay out one DAG folder that an environment runs twice, with requirements in it."""
    site.write("dags/requirements.txt", "humanize==4.9.0\n")
    site.configure(
        'requirements_s3_path = "dags/requirements.txt"',
        "[[deployments.staging.dags]]",
        'source = "dags"',
        'prefix = "orders_staging"',
        'include = ["*.py"]',
        "[[deployments.staging.dags]]",
        'source = "dags"',
        'prefix = "orders_prod"',
        'include = ["*.py"]',
    )


def test_two_copies_of_a_folder_and_requirements_in_it(site: DeployedSite) -> None:
    write_two_copies(site)
    site.make_environment()
    assert site.deploy().exit_code == 0
    dag = DAG.format(name="orders")
    assert site.objects() == {
        "dags/orders_prod/orders.py": dag,
        "dags/orders_staging/orders.py": dag,
        "dags/requirements.txt": "humanize==4.9.0\n",
    }
    assert site.endpoint.describe(site.bucket)["RequirementsS3Path"] == "dags/requirements.txt"
    assert "Nothing to do" in site.run("plan", *UNCHECKED).stdout


def test_a_bucket_without_an_environment_is_filled(site: DeployedSite) -> None:
    site.configure(environment=False)
    site.write("requirements.txt", "humanize==4.9.0\n")
    done = site.deploy()
    assert done.exit_code == 0
    assert "  Environment  none: only the bucket is filled\n" in done.stdout
    assert "No environment is named" in done.stdout
    assert site.objects().keys() == {"dags/orders.py", "requirements.txt"}
