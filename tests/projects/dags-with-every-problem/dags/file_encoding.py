# café
import airflow  # dag
