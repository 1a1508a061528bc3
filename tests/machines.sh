#!/usr/bin/env bash
# The tests as other machines would run them: with other instructions of the processor, on one thread, and beside
# work that keeps every core busy. One line a setting, all of them to the end; 1 if any failed.
#   tests/machines.sh [arguments of pytest, all tests without]
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
logs=$(mktemp -d "${TMPDIR:-/tmp}/machines.XXXXXX")
busy=()
failed=0
trap 'kill "${busy[@]}" 2>/dev/null' EXIT

tests() { # NAME [VARIABLE=VALUE ...]
    local name=$1 began=$SECONDS outcome=passed
    shift
    if ! env "$@" "$python" -m pytest "${chosen[@]}" >"$logs/$name" 2>&1; then
        outcome=FAILED
        failed=1
    fi
    printf '%-14s %s in %d s: %s\n' "$name" "$outcome" $((SECONDS - began)) "$(grep . "$logs/$name" | tail -n 1)"
    grep -E '^(FAILED|ERROR) ' "$logs/$name"
}

chosen=("$@")
tests as-it-is
tests no-vectors ATEN_CPU_CAPABILITY=default
if [ "$("$python" -c 'import torch; print(torch.backends.cpu.get_cpu_capability())')" = AVX2 ]; then
    echo "avx2, onednn-avx2: this processor has no wider instructions: as it is"
else
    tests avx2 ATEN_CPU_CAPABILITY=avx2
    tests onednn-avx2 ONEDNN_MAX_CPU_ISA=AVX2
fi
tests one-thread OMP_NUM_THREADS=1
for _ in $(seq "$(nproc 2>/dev/null || sysctl -n hw.ncpu)"); do
    "$python" -c 'while True: pass' &
    busy+=($!)
done
tests busy
echo "what each of them printed: $logs"
exit $failed
