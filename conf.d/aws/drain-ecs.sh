#!/bin/sh
# Entry point of a container: runs nginx, and when ECS stops the task it waits until events are
# delivered, and dead letters are in their queue, if they have one, before nginx is ended.
#
# ECS sends SIGTERM, or the image's STOPSIGNAL (nginx's own images: SIGQUIT), once the load
# balancer has let go of the task, and SIGKILL after stopTimeout: 30 s, at most 120 s on Fargate.
# Set it in the task definition, a little above TIMEOUT. A task's own disk goes with it: put the
# spool on a volume that stays (EFS is slow for this, EBS is not) if what cannot be delivered in
# that time matters, and use "dead_letter sqs".
set -u

SPOOL=${SPOOL:-/var/lib/nginx/momento}
TIMEOUT=${TIMEOUT:-100s}

stop() {
    # nginx goes on meanwhile: it is what delivers.
    if ! left=$(momentoctl drain --timeout "$TIMEOUT" "$SPOOL" 2>&1); then
        echo "left in $SPOOL: $left" >&2
    fi
    kill -QUIT "$nginx" 2>/dev/null
}

"${NGINX_BINARY:-nginx}" -g 'daemon off;' "$@" &
nginx=$!
trap stop TERM INT QUIT

# The first wait ends with the signal, the second with nginx.
wait "$nginx"
status=$?
if kill -0 "$nginx" 2>/dev/null; then
    wait "$nginx"
    status=$?
fi
exit "$status"
