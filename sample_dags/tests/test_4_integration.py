"""Integration: tasks hand data to each other, and to AWS."""


def test_the_tasks_of_the_pipeline_understand_each_other(dag, run_task, capsys, monkeypatch):
    monkeypatch.setenv("SAMPLE_GREETING", "Hello")
    pipeline = dag("hello_pipeline")
    for task_id in ("greet", "measure", "report"):
        run_task(pipeline.get_task(task_id))
    assert "'Hello' has five letters" in capsys.readouterr().out


def test_what_is_written_to_s3_can_be_read_back(dag, run_task, local_aws):
    # Skipped unless the environment runs.
    services = dag("aws_services")
    for task_id in ("make_bucket", "write_object", "read_object"):
        run_task(services.get_task(task_id))
    listed = local_aws("s3").list_objects_v2(Bucket="mwaa-local-sample")
    assert [each["Key"] for each in listed["Contents"]] == ["reports/2024-01-01.json"]
