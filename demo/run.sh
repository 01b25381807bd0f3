#!/usr/bin/env bash
# run.sh BUILD_DIR: downloads the same pictures one by one, then all at once, from a server of ours that answers as
# slowly as one on the far side of the world. Only loopback is used. What `make demo` runs.
set -euo pipefail

build=${1:?usage: demo/run.sh BUILD_DIR}
here=$(cd "$(dirname "$0")" && pwd)
thrum=$(cd "$build" && pwd)/cli/thrum
pictures=$(cd "$build" && pwd)
count=24
delay=250ms

folder=$(mktemp -d "${TMPDIR:-/tmp}/thrum-demo.XXXXXX")
server=
tidy_up() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap tidy_up EXIT
trap 'exit 130' INT TERM HUP

bold= plain=
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

fail() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

say "Weaving $count pictures"
/usr/bin/python3 "$here/pictures.py" "$folder/served" "$count"
ls "$folder/served" | head -n 3 | sed 's/^/  /'
printf '  ... %s in all\n' "$(du -sh --apparent-size "$folder/served" | cut -f 1)"

say "Serving them, each answer $delay late"
"$thrum" serve "$folder/served" --bind 127.0.0.1:0 --delay "$delay" >"$folder/serve.log" 2>&1 &
server=$!
base=
for _ in $(seq 200); do
    base=$(sed -n 's|^Serving .* on \(http://[^ ]*/\).*|\1|p' "$folder/serve.log")
    [[ -n $base ]] && break
    kill -0 "$server" 2>/dev/null || fail "the server did not start: $(cat "$folder/serve.log")"
    sleep 0.05
done
[[ -n $base ]] || fail "the server says nothing: $(cat "$folder/serve.log")"
printf '  thrum serve served --delay %s   # %s\n' "$delay" "$base"
for file in "$folder"/served/*; do printf '%s%s\n' "$base" "$(basename "$file")"; done >"$folder/list"

# Runs `thrum get` with the arguments given and sets `took` to its seconds.
timed() {
    local start=$EPOCHREALTIME
    "$thrum" get -i "$folder/list" "$@" || fail "thrum get ended with status $?"
    took=$(awk -v from="$start" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.3f", to - from }')
}

say "One by one:  thrum get -j 1 -d one-by-one -i list"
timed -j 1 -d "$folder/one-by-one" --waterfall "$pictures/demo-one-by-one.svg"
in_turn=$took

say "At once:  thrum get -j $count -d at-once -i list"
timed -j "$count" -d "$folder/at-once" --waterfall "$pictures/demo-at-once.svg" --waterfall -
at_once=$took

say "The same bytes?"
sums() { (cd "$1" && sha256sum -- *); }
sums "$folder/served" >"$folder/sums"
for copy in one-by-one at-once; do
    sums "$folder/$copy" | cmp -s - "$folder/sums" || fail "$copy differs from what was served"
    printf '  %s: all %s pictures have the sha256 of what was served\n' "$copy" "$count"
done

say "What it took"
awk -v turn="$in_turn" -v once="$at_once" 'BEGIN {
    printf "  one by one %7.3f s\n  at once    %7.3f s   %.1f times as fast\n", turn, once, turn / once
}'
printf '  Where the time went, as pictures:\n    %s\n    %s\n' "$pictures/demo-one-by-one.svg" "$pictures/demo-at-once.svg"
