import airflow  # dag

rows = 3
