#!/bin/sh
# Builds the module and shows it at work: an nginx of its own on a loopback port, one signed
# webhook, and the event it becomes. Installs what the build needs if it is missing (as root
# or through sudo). A running nginx and the system's configuration are left alone; everything
# is under build/.
#
# Usage: sh conf.d/quickstart.sh        run it; again: build again and restart
#        sh conf.d/quickstart.sh stop   stop its nginx
#
# QUICKSTART_PORT   the port to listen on; default: the first free one from 8088 on
set -eu

repo=$(cd "$(dirname "$0")/.." && pwd)
build=$repo/build
prefix=$build/quickstart
secret=$prefix/momento.secret
events=$prefix/events.jsonl
built=$prefix/build
shown=build/quickstart/build
log=$prefix/build.log
failed="the build failed"

. "$repo/tests/lib/packages.sh"
. "$repo/tests/lib/nginx.sh"

say() {
    printf '\n== %s\n' "$*"
}

build_failed() {
    tail -n 40 "$log" >&2
    exit 1
}

# Ninja's "[n/m] ..." as one line that changes on a terminal, else a line each tenth.
show_progress() {
    terminal=
    [ ! -t 1 ] || terminal=yes
    awk -v terminal="$terminal" '
        match($0, /^\[[0-9]+\/[0-9]+\]/) {
            split(substr($0, 2, RLENGTH - 2), at, "/")
            if (terminal) {
                printf "\r%d of %d  %-60.60s", at[1], at[2], substr($0, RLENGTH + 2)
                fflush()
            } else if (int(10 * at[1] / at[2]) > shown) {
                shown = int(10 * at[1] / at[2])
                print at[1] " of " at[2]
                fflush()
            }
        }
        END { if (terminal) print "" }'
}

# is_ours PID: it runs, and is the quick start's
is_ours() {
    tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$prefix"
}

# The process id of the nginx that an earlier run started; empty if there is none.
running() {
    if [ -s "$prefix/nginx.pid" ]; then
        pid=$(cat "$prefix/nginx.pid")
        if is_ours "$pid"; then
            echo "$pid"
        fi
    fi
}

stop() {
    pid=$(running)
    [ -n "$pid" ] || return 0
    kill -QUIT "$pid"
    # nginx removes its file a moment before it ends.
    for _ in $(seq 100); do
        is_ours "$pid" || return 0
        sleep 0.1
    done
    kill -TERM "$pid"
}

taken() {
    grep -qi "^ *[0-9]*: [0-9A-F]*:$(printf %04X "$1") [0-9A-F:]* 0A" \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

free_port() {
    port=8088
    while taken "$port"; do
        port=$((port + 1))
    done
    echo "$port"
}

configuration() {
    cat <<EOF
load_module $built/ngx_http_momento_module.so;

$user
worker_processes 1;
pid $prefix/nginx.pid;
error_log $prefix/error.log notice;

events {
}

http {
    client_body_temp_path $prefix/tmp-body;
    proxy_temp_path $prefix/tmp-proxy;
    fastcgi_temp_path $prefix/tmp-fastcgi;
    uwsgi_temp_path $prefix/tmp-uwsgi;
    scgi_temp_path $prefix/tmp-scgi;

    log_format momento '\$time_iso8601 \$status \$momento_verdict \$momento_topic';
    access_log $prefix/access.log momento;

    momento_spool $prefix/spool size=64m;

    # On AWS: eventbridge default; region us-west-2;
    momento_destination demo {
        file $events;
    }

    server {
        listen 127.0.0.1:$port;

        location = /momento {
            momento_webhook demo;
            momento_webhook_secret file:$secret;
        }

        location = /momento/status {
            momento_status;
        }
    }
}
EOF
}

case ${1:-} in
    "") ;;
    stop)
        stop
        exit
        ;;
    *)
        sed -n '/^# Usage/,/^# QUICKSTART/s/^# //p' "$0"
        exit 2
        ;;
esac

say "packages the build needs"
install_packages $build_packages
debian_nginx "$build/debian"
nginx=$debian_root/usr/sbin/nginx
"$nginx" -v 2>&1

say "building $shown/momentoctl and $shown/ngx_http_momento_module.so"
mkdir -p "$built"
# Made to be ready soon: what is installed is compiled by the README's lines.
export MODULE_OPTIMISATION='-O1 -g0'
cmake -G Ninja -S "$repo" -B "$built" -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_FLAGS="$MODULE_OPTIMISATION" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" >"$log" 2>&1 || build_failed
{
    cmake --build "$built" --target momentoctl nginx_module 2>&1 || echo "$failed"
} | tee -a "$log" | show_progress
! grep -qxF "$failed" "$log" || build_failed

if [ -n "$(running)" ]; then
    say "stopping the nginx of an earlier run"
    stop
fi
port=${QUICKSTART_PORT:-$(free_port)}
say "starting nginx on 127.0.0.1:$port, configured by build/quickstart/nginx.conf"
# The checkout may be where no other user can look.
user=
[ "$(id -u)" != 0 ] || user="user root;"
[ -s "$secret" ] || (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$secret")
configuration >"$prefix/nginx.conf"
"$nginx" -p "$prefix" -c "$prefix/nginx.conf" -e "$prefix/error.log" </dev/null

say "playing Momento: one signed webhook"
[ -e "$events" ] || : >"$events"
before=$(wc -l <"$events")
cat <<EOF
$shown/momentoctl send http://127.0.0.1:$port/momento \\
    --secret file:build/quickstart/momento.secret --text "Hello from the quick start"
EOF
"$built/momentoctl" send "http://127.0.0.1:$port/momento" --secret "file:$secret" \
    --text "Hello from the quick start"

say "the event, in the shape EventBridge delivers (build/quickstart/events.jsonl)"
for _ in $(seq 100); do
    [ "$(wc -l <"$events")" = "$before" ] || break
    sleep 0.1
done
[ "$(wc -l <"$events")" != "$before" ] || {
    echo "no event arrived; the end of build/quickstart/error.log:" >&2
    tail -n 20 "$prefix/error.log" >&2
    exit 1
}
tail -n 1 "$events"

say "nginx goes on running; to stop it: sh conf.d/quickstart.sh stop"
