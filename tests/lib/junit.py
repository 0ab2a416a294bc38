"""Prints one line per test of a JUnit report: status, suite, test, reason, by tabs.

Usage: junit.py SUITE RUN REPORT. A suite's tests may run more than once: RUN says which.
"""

import sys
import xml.etree.ElementTree


def status_of(case):
    for tag, status in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
        found = case.find(tag)
        if found is not None:
            return status, found.get("message") or found.text or ""
    if case.get("status") == "notrun" or case.get("result") == "skipped":  # GoogleTest's
        return "skipped", "disabled"
    return "passed", ""


def main():
    suite, run, report = sys.argv[1:]
    prefix = "" if run == suite else f"{run}: "
    # A test that fails and whose teardown fails too has two entries: it is one test.
    tests = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if tests.get(name, ("",))[0] != "failed":
            tests[name] = status_of(case)
    for name, (status, reason) in tests.items():
        print(status, suite, prefix + name, " ".join(reason.split())[:200], sep="\t")


main()
