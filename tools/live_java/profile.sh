#!/bin/sh
# Runs Program under the agent, in the folder of pyroscope.jar and Program.class, until its standard input ends:
# the agent sends nothing on exit.
set -e
export PYROSCOPE_UPLOAD_INTERVAL=1s
export PYROSCOPE_PUSH_QUEUE_CAPACITY=64

export PYROSCOPE_PROFILER_EVENT=itimer
export PYROSCOPE_PROFILER_ALLOC=512k
export PYROSCOPE_PROFILER_LOCK=10ms
export PYROSCOPE_LABELS=region=eu
java -javaagent:pyroscope.jar -cp .:pyroscope.jar Program
