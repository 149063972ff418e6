"""From a project's files to what MWAA takes: archives, wheels, and their way to the bucket and the environment."""
