from airflow.plugins_manager import AirflowPlugin


def shout(text):
    return text.upper()


class MyPlugin(AirflowPlugin):
    name = "my_plugin"
    macros = [shout]
    appbuilder_menu_items = [{"name": "Docs", "href": "https://example.com", "category": "Links"}]
