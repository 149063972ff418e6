"""What runs inside an Airflow environment (Python 3.7 and newer; the standard library and what Airflow brings)."""
