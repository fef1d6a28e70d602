#!/bin/sh
# Prints a Python that can make the environment: 3.11 or later, with venv and ensurepip.
# find_python.sh [PYTHON]   an argument is the only one tried; 3.11 to 3.13, which the lock was tested on, come first.

candidates=${1:-python3 python3.13 python3.12 python3.11 python}
newest= without_venv=

for candidate in $candidates; do
    minor=$("$candidate" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)' 2>/dev/null) || continue
    [ "$minor" -ge 11 ] || continue
    if ! "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
        without_venv=$candidate
    elif [ "$minor" -le 13 ]; then
        echo "$candidate"
        exit 0
    elif [ -z "$newest" ]; then
        newest=$candidate
    fi
done

if [ -n "$newest" ]; then
    echo "$newest"
elif [ -n "$without_venv" ]; then
    echo "$without_venv has no venv/ensurepip: on Debian or Ubuntu run 'apt-get install python3-venv'." >&2
    exit 1
else
    echo "Python 3.11 or later is needed, and none of these is one: $candidates. Name it with PYTHON=/path/to/python." >&2
    exit 1
fi
