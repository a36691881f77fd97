#!/bin/sh
# Runs Program under the agent, beside pyroscope.jar and Program.class. The agent sends nothing when a program ends.
set -e
export PYROSCOPE_UPLOAD_INTERVAL=1s

export PYROSCOPE_PROFILER_EVENT=itimer
export PYROSCOPE_PROFILER_ALLOC=512k
export PYROSCOPE_PROFILER_LOCK=10ms
export PYROSCOPE_LABELS=region=eu
java -javaagent:pyroscope.jar -cp .:pyroscope.jar Program
