#!/bin/bash
# MWAA runs this first on every scheduler, worker and web server. What is exported reaches the tasks.
export SAMPLE_GREETING="Hello from startup.sh"
