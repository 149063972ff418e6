from airflow.models import Variable

VALUE = Variable.get("absent")
