"""Environments' metrics in CloudWatch: what Airflow sends as statsd datagrams, and figures of queue and processes."""
