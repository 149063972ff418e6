"""The web server's own doors, as on MWAA: commands and sign-in by token, over HTTPS, before Airflow's web server."""
