import airflow  # dag

if (rows := 3) > 2:
    print(rows)
