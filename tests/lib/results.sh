# What the suites found, one line per test in $results: status, suite, test, reason.
# Sourced; wants $repo, $build and $python.

results=$build/results/results.tsv
logs=$build/logs

start_results() {
    rm -rf "$build/results" "$logs"
    mkdir -p "$build/results" "$logs"
    : >"$results"
}

# record STATUS SUITE TEST [REASON]: STATUS is passed, failed or skipped
record() {
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" >>"$results"
}

# logged NAME COMMAND...: runs quietly; shows the end of what it said if it fails
logged() {
    local log="$logs/$1.log"
    shift
    "$@" >"$log" 2>&1 </dev/null && return
    echo "--- failed; the end of ${log#"$repo"/}:"
    tail -n "${LOG_LINES:-120}" "$log"
    return 1
}

# attempt SUITE TEST COMMAND...: a test that is a command
attempt() {
    local suite="$1" name="$2"
    shift 2
    if logged "$suite-$(echo "$name" | tr -c 'a-zA-Z0-9\n' _)" "$@"; then
        record passed "$suite" "$name"
    else
        record failed "$suite" "$name" "see above"
        return 1
    fi
}

# reported SUITE RUN COMMAND...: a command that writes a JUnit report to $(report RUN)
reported() {
    local suite="$1" run="$2" report status=0
    shift 2
    report=$(report "$run")
    rm -f "$report"
    logged "$run" "$@" || status=1
    if [ -s "$report" ]; then
        "$python" "$repo/tests/lib/junit.py" "$suite" "$run" "$report" >"$report.tsv"
        cat "$report.tsv" >>"$results"
        # A crash after the report, or a sanitizer's verdict at exit, is a failure too.
        if [ $status != 0 ] && ! grep -q '^failed' "$report.tsv"; then
            record failed "$suite" "$run: exit status" "not 0, see above"
        fi
    else
        record failed "$suite" "$run" "ended without a report, see above"
    fi
}

report() {
    echo "$build/results/$1.xml"
}

count() {
    awk -F '\t' -v status="$1" -v suite="${2:-}" \
        '$1 == status && (suite == "" || $2 == suite)' "$results" | wc -l | tr -d ' '
}

# Prints skips and failures and, last, the counts. Fails if a test failed or none passed.
report_results() {
    awk -F '\t' '$1 == "skipped" { print "skipped: " $2 ": " $3 ": " $4 }
                 $1 == "failed"  { failed[++n] = "failed: " $2 ": " $3 ": " $4 }
                 END { for (i = 1; i <= n; i++) print failed[i] }' "$results"
    echo "$(count passed) passed, $(count failed) failed, $(count skipped) skipped"
    [ "$(count failed)" = 0 ] && [ "$(count passed)" != 0 ]
}
