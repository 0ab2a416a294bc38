#!/bin/sh
# Entry point of a container: runs nginx, and when ECS stops the task it waits until events are
# delivered before nginx is ended.
#
# ECS sends SIGTERM once the load balancer has let go of the task, and SIGKILL after
# stopTimeout: 30 s, at most 120 s on Fargate. Set it in the task definition, a little above
# TIMEOUT. A task's own disk goes with it: put the spool on a volume that stays (EFS is slow for
# this, EBS is not) if what cannot be delivered in that time matters, and use "dead_letter sqs".
set -u

SPOOL=${SPOOL:-/var/lib/nginx/momento}
TIMEOUT=${TIMEOUT:-100s}

stop() {
    # nginx goes on meanwhile: it is what delivers.
    momentoctl drain --timeout "$TIMEOUT" "$SPOOL" || echo "events are left in $SPOOL" >&2
    kill -QUIT "$nginx" 2>/dev/null
}

"${NGINX:-nginx}" -g 'daemon off;' "$@" &
nginx=$!
trap stop TERM INT

# The first wait ends with the signal, the second with nginx.
wait "$nginx"
status=$?
if kill -0 "$nginx" 2>/dev/null; then
    wait "$nginx"
    status=$?
fi
exit "$status"
