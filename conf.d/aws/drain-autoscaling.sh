#!/bin/sh
# Holds an instance that Auto Scaling wants to terminate until its events are delivered, and its
# dead letters are in their queue, if they have one.
#
# The group needs a lifecycle hook for autoscaling:EC2_INSTANCE_TERMINATING, with a heartbeat
# timeout above the one below, and with the default result CONTINUE. Run this at boot, as root,
# from a service that is restarted when it fails; it waits for the day, drains, and lets go.
# By then the load balancer sends no more webhooks here. Needs the AWS CLI, and a role that may
# do autoscaling:CompleteLifecycleAction on the group.
#
# What is left at the end of TIMEOUT stays on the disk: keep its volume, and move it to another
# instance with "momentoctl spool move".
set -eu

SPOOL=${SPOOL:-/var/lib/nginx/momento}
HOOK=${HOOK:?the name of the lifecycle hook}
GROUP=${GROUP:?the name of the Auto Scaling group}
TIMEOUT=${TIMEOUT:-10m}

metadata=${METADATA:-http://169.254.169.254}/latest
get() {
    token=$(curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
        "$metadata/api/token")
    curl -sf -m 2 -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"
}

# "InService", until Auto Scaling has decided.
until [ "$(get autoscaling/target-lifecycle-state || true)" = Terminated ]; do
    sleep "${PAUSE:-5}"
done

# Whatever becomes of it, the instance is let go.
if ! left=$(momentoctl drain --timeout "$TIMEOUT" "$SPOOL" 2>&1); then
    logger -t momento "left in $SPOOL: $left" || true
fi

instance=$(get instance-id)
region=$(get placement/region)
aws autoscaling complete-lifecycle-action --lifecycle-action-result CONTINUE \
    --lifecycle-hook-name "$HOOK" --auto-scaling-group-name "$GROUP" \
    --instance-id "$instance" --region "$region"
