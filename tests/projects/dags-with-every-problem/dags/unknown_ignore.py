import airflow  # dag
X = 1  # mwaa-local: ignore[such-a-rule]
