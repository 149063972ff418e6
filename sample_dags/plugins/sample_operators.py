"""An operator of the project: what lies in plugins/ is imported by its own name."""

try:
    from airflow.sdk import BaseOperator
except ImportError:
    from airflow.models import BaseOperator


class CountWordsOperator(BaseOperator):
    """Returns how many words a text has; the text may hold template expressions."""

    template_fields = ("text",)

    def __init__(self, *, text, **kwargs):
        super().__init__(**kwargs)
        self.text = text

    def execute(self, context):  # noqa: ARG002 - Airflow calls it so
        """Count."""
        print(self.text)
        return len(self.text.split())
