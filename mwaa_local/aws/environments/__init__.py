"""Real environments behind the MWAA API: a project folder filled from the bucket, run by `mwaa-local start`."""
