import asyncio
from datetime import timedelta

try:
    from airflow.sdk import BaseOperator
    from airflow.sdk.bases.sensor import BaseSensorOperator
except ImportError:
    from airflow.models import BaseOperator
    from airflow.sensors.base import BaseSensorOperator
from airflow.triggers.base import BaseTrigger, TriggerEvent


class Soon(BaseTrigger):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def serialize(self):
        return "waiting.operators.Soon", {"answer": self.answer}

    async def run(self):
        await asyncio.sleep(0.01)
        if self.answer == "never":
            await asyncio.sleep(60)
        yield TriggerEvent({"answer": self.answer})


class LookTwice(BaseOperator):
    template_fields = ("place",)

    def __init__(self, place, **named):
        super().__init__(**named)
        self.place = place

    def pre_execute(self, context):
        self.prepared = True

    def execute(self, context):
        assert self.prepared
        self.defer(trigger=Soon(self.place), method_name="again", timeout=timedelta(seconds=1))

    def again(self, context, event):
        self.defer(trigger=Soon("second"), method_name="done", kwargs={"first": event["answer"]})

    def done(self, context, first, event):
        context["ti"].xcom_push(key="both", value=[first, event["answer"]])
        return first


class Seen(BaseSensorOperator):
    def poke(self, context):
        return context["ti"].xcom_pull(task_ids="look", key="both") is not None
