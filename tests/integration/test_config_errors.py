"""nginx -t: every mistake in a configuration, with its exact message and place. And what is
no mistake."""

import pytest

from harness.events import documented_event
from harness.nginx import check_config
from harness.webhook import SPOOL, file_destination, webhook

REGION = {"AWS_REGION": "us-west-2"}
BUS = "arn:aws:events:eu-west-1:123456789012:event-bus/orders"
V2_BUS = "arn:aws:events:eu-west-1:123456789012:event-busv2/orders/abcdefghijklmnopqrstuvwxy"


def refused(result, message, line):
    assert result.message == message, result.output
    assert result.line == line, result.output
    assert result.status == 1


# Each list: what is written, and what nginx -t says. The place is the line it is written in.

SPOOL_MISTAKES = [
    ("momento_spool;", 'invalid number of arguments in "momento_spool" directive'),
    ('momento_spool "";',
     'invalid value "" in "momento_spool": a directory of its own is expected'),
    ("momento_spool /;",
     'invalid value "/" in "momento_spool": a directory of its own is expected'),
    ("momento_spool %%DIR%%/text;",
     'invalid value "%%DIR%%/text" in "momento_spool": it is not a directory'),
    ("momento_spool spool size=4095k;",
     'invalid parameter "size=4095k" in "momento_spool": a size from 4m to 1024g is expected'),
    ("momento_spool spool size=large;",
     'invalid parameter "size=large" in "momento_spool": a size from 4m to 1024g is expected'),
    ("momento_spool spool size=;",
     'invalid parameter "size=" in "momento_spool": a size from 4m to 1024g is expected'),
    ("momento_spool spool segment=512k;",
     'invalid parameter "segment=512k" in "momento_spool": a size from 1m to 1g is expected'),
    ("momento_spool spool size=7m segment=2m;",
     'invalid "momento_spool": size must be at least 4 segments'),
    ("momento_spool spool sync=never;",
     'invalid parameter "sync=never" in "momento_spool": "always" or "os" is expected'),
    ("momento_spool spool sise=1g;",
     'unknown parameter "sise=1g" in "momento_spool": '
     '"size=", "segment=" or "sync=" is expected'),
    ("momento_spool spool other;",
     'unknown parameter "other" in "momento_spool": '
     '"size=", "segment=" or "sync=" is expected'),
    ("momento_spool spool size=1g size=2g;",
     'duplicate parameter "size=2g" in "momento_spool"'),
]


@pytest.mark.parametrize("text, message", SPOOL_MISTAKES)
def test_spool(text, message):
    result = check_config(http=text + "\n" + file_destination(), server=webhook(),
                          files={"text": "no directory\n"})
    refused(result, message, text)


DESTINATION_MISTAKES = [
    ("momento_destination { file events; }",
     'invalid number of arguments in "momento_destination" directive'),
    ('momento_destination "" { file events; }',
     'invalid name "" in "momento_destination": 1 to 64 letters, digits, "_" or "-" are '
     "expected"),
    ("momento_destination a.b { file events; }",
     'invalid name "a.b" in "momento_destination": 1 to 64 letters, digits, "_" or "-" are '
     "expected"),
    ("momento_destination .dead { file events; }",
     'invalid name ".dead" in "momento_destination": 1 to 64 letters, digits, "_" or "-" are '
     "expected"),
    (f"momento_destination {'x' * 65} {{ file events; }}",
     f'invalid name "{"x" * 65}" in "momento_destination": 1 to 64 letters, digits, "_" or "-" '
     "are expected"),
    ("momento_destination bus { }",
     'destination "bus" has no kind: "eventbridge bus;" or "file path;" is expected'),
    ("momento_destination bus { source Momento; }",
     'destination "bus" has no kind: "eventbridge bus;" or "file path;" is expected'),
    ("momento_destination bus { file events; } momento_destination bus { file other; }",
     'duplicate destination "bus"'),
    ("momento_destination a { file events; } momento_destination b { file events; }",
     'destination "b" writes to the file of "a"'),
]


@pytest.mark.parametrize("text, message", DESTINATION_MISTAKES)
def test_destination(text, message):
    refused(check_config(http=text, env=REGION), message, text)


SETTINGS = ", ".join(f'"{name}"' for name in (
    "eventbridge", "file", "region", "endpoint", "proxy", "credentials", "source", "batch",
    "connections", "timeout", "retry", "dead_letter", "trusted_certificate"))

SETTING_MISTAKES = [
    ("file events;", 'a second kind "file" in destination "bus": it has "eventbridge" already'),
    ("eventbridge other;",
     'a second kind "eventbridge" in destination "bus": it has "eventbridge" already'),
    ("sqs https://sqs.example/queue;", f'unknown setting "sqs" in destination "bus": {SETTINGS} are expected'),
    ("conections 3;", 'unknown setting "conections" in destination "bus": did you mean '
     f'"connections"? There are {SETTINGS}'),
    ("deadletter file;", 'unknown setting "deadletter" in destination "bus": did you mean '
     f'"dead_letter"? There are {SETTINGS}'),
    ("momento_spool spool;", f'unknown setting "momento_spool" in destination "bus": {SETTINGS} are expected'),
    ("source;",
     'invalid number of arguments in "source" of destination "bus": "source name;" is '
     "expected"),
    ("region a b;",
     'invalid number of arguments in "region" of destination "bus": "region name;" is '
     "expected"),
    ("batch;",
     'invalid number of arguments in "batch" of destination "bus": '
     '"batch [entries=10] [size=256k] [linger=5ms];" is expected'),
    ("source a; source b;", 'duplicate setting "source" in destination "bus"'),
    ('source "";',
     'invalid value "" in "source" of destination "bus": 1 to 256 characters are expected'),
    (f"source {'x' * 257};",
     f'invalid value "{"x" * 257}" in "source" of destination "bus": 1 to 256 characters are '
     "expected"),
    ("source aws.momento;",
     'invalid value "aws.momento" in "source" of destination "bus": "aws." is AWS\'s own'),
    ('region "";',
     'invalid value "" in "region" of destination "bus": the name of a region is expected'),
    ("region us_west;",
     'destination "bus": "us_west" is not an AWS region: write it like "us-west-2"'),
    ('endpoint "";',
     'invalid value "" in "endpoint" of destination "bus": a URL is expected'),
    ("endpoint 127.0.0.1:4566;",
     'destination "bus": the endpoint directive: "127.0.0.1:4566" is not an http or https URL: '
     'it must begin with "http://" or "https://"'),
    ("endpoint ftp://localhost;",
     'destination "bus": the endpoint directive: "ftp://localhost" is not an http or https '
     'URL: it must begin with "http://" or "https://"'),
    ("endpoint http://localhost:70000;",
     'destination "bus": the endpoint directive: "http://localhost:70000" is not an http or '
     "https URL: its host or port is malformed"),
    ("endpoint http://user:password@localhost;",
     'destination "bus": the endpoint directive: "localhost" is not an http or https URL: '
     "remove the user name before it"),
    ("endpoint http://localhost/?x=y;",
     'destination "bus": the endpoint directive: "http://localhost/?x=y" has a query: remove '
     "it"),
    ("proxy localhost:3128;",
     'destination "bus": "localhost:3128" is not an http or https URL: it must begin with '
     '"http://" or "https://"'),
    ("proxy http://user:password@proxy/path;",
     'destination "bus": "http://proxy/path" is not a proxy: remove the path behind its host'),
    ("credentials static;",
     'invalid value "static" in "credentials" of destination "bus": "auto", "environment", '
     '"profile", "web_identity", "container" or "instance" is expected'),
    ("credentials profile;",
     'invalid number of arguments in "credentials" of destination "bus": '
     '"credentials profile name;" is expected'),
    ("credentials environment x;",
     'invalid number of arguments in "credentials" of destination "bus": '
     '"credentials environment;" is expected'),
    ("credentials instance x;",
     'invalid number of arguments in "credentials" of destination "bus": '
     '"credentials instance;" is expected'),
    ("batch entries=11;",
     'invalid parameter "entries=11" in "batch" of destination "bus": a number from 1 to 10 is '
     "expected"),
    ("batch entries=0;",
     'invalid parameter "entries=0" in "batch" of destination "bus": a number from 1 to 10 is '
     "expected"),
    ("batch entries=-1;",
     'invalid parameter "entries=-1" in "batch" of destination "bus": a number from 1 to 10 is '
     "expected"),
    ("batch size=1m;",
     'invalid parameter "size=1m" in "batch" of destination "bus": a size from 1k to 1000000 '
     "is expected"),
    ("batch linger=61s;",
     'invalid parameter "linger=61s" in "batch" of destination "bus": a time from 0 to 60s is '
     "expected"),
    ("batch linger=5 linger=6;",
     'duplicate parameter "linger=6" in "batch" of destination "bus"'),
    ("batch records=5;",
     'unknown parameter "records=5" in "batch" of destination "bus": "entries=", "size=" or '
     '"linger=" is expected'),
    ("connections 0;",
     'invalid value "0" in "connections" of destination "bus": a number from 1 to 1000 is '
     "expected"),
    ("timeout connect=1ms;",
     'invalid parameter "connect=1ms" in "timeout" of destination "bus": a time from 10ms to '
     "60s is expected"),
    ("timeout connect=5s total=4s;",
     'invalid "timeout" of destination "bus": "connect" of 5000ms is longer than "total" of '
     "4000ms"),
    ("timeout total=1s;",
     'invalid "timeout" of destination "bus": "connect" of 3000ms is longer than "total" of '
     "1000ms"),
    ("retry for=forever;",
     'invalid parameter "for=forever" in "retry" of destination "bus": a time from 1s to 30d '
     "is expected"),
    ("retry max_delay=2h;",
     'invalid parameter "max_delay=2h" in "retry" of destination "bus": a time from 10ms to 1h '
     "is expected"),
    ("dead_letter none;",
     'invalid value "none" in "dead_letter" of destination "bus": "file" or "sqs" is expected'),
    ("dead_letter file size=1m;",
     'invalid parameter "size=1m" in "dead_letter" of destination "bus": a size from 4m to '
     "1024g is expected"),
    ("dead_letter sqs;",
     'invalid number of arguments in "dead_letter" of destination "bus": "dead_letter sqs '
     'queue-url;" is expected'),
    ('dead_letter sqs "";',
     'invalid value "" in "dead_letter" of destination "bus": the URL of a queue is expected'),
    ("dead_letter sqs letters;",
     'destination "bus": dead_letter: "letters" is not an http or https URL: it must begin with '
     '"http://" or "https://"'),
    ("dead_letter sqs https://sqs.us-west-2.amazonaws.com/123456789012/letters.fifo;",
     'destination "bus": dead_letter: '
     '"https://sqs.us-west-2.amazonaws.com/123456789012/letters.fifo" is a FIFO queue: dead '
     "letters need a standard one, as EventBridge's"),
    ("dead_letter sqs https://sqs.us-west-2.amazonaws.com/letters;",
     'destination "bus": dead_letter: "https://sqs.us-west-2.amazonaws.com/letters" is not a '
     'queue\'s URL: write "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"'),
    ("trusted_certificate %%DIR%%/none.pem;",
     'invalid value "%%DIR%%/none.pem" in "trusted_certificate" of destination "bus": cannot '
     'open "%%DIR%%/none.pem": No such file or directory'),
    ("trusted_certificate %%DIR%%/text;",
     'invalid value "%%DIR%%/text" in "trusted_certificate" of destination "bus": a file of '
     "PEM certificates is expected"),
]


@pytest.mark.parametrize("text, message", SETTING_MISTAKES)
def test_setting_of_a_destination(text, message):
    line = f"momento_destination bus {{ eventbridge default; {text} }}"
    refused(check_config(http=line, env=REGION, files={"text": "no certificate\n"}), message,
            line)


KIND_MISTAKES = [
    ('eventbridge "";',
     'invalid value "" in "eventbridge" of destination "bus": the name or ARN of a bus is '
     "expected"),
    ("eventbridge my/bus;",
     'destination "bus": "my/bus" is not an event bus: a name has up to 256 letters, digits, '
     '".", "-", "_"'),
    ("eventbridge arn:aws:sqs:eu-west-1:123456789012:queue;",
     'destination "bus": "arn:aws:sqs:eu-west-1:123456789012:queue" is not an event bus: write '
     '"arn:aws:events:REGION:ACCOUNT:event-bus/NAME"'),
    (f"eventbridge {V2_BUS};",
     f'destination "bus": "{V2_BUS}" is a version 2 bus; these are not supported yet: use a '
     'classic event bus ("…:event-bus/NAME")'),
    (f"eventbridge {BUS}; region us-west-2;",
     'destination "bus": region "us-west-2" contradicts the bus, which is in "eu-west-1": '
     "remove the region"),
    ("eventbridge default;",
     'destination "bus": no region known, set "region" or AWS_REGION'),
    ('file "";', 'invalid value "" in "file" of destination "bus": a path is expected'),
    ("file events; endpoint http://localhost;",
     'setting "endpoint" in destination "bus" has no meaning for "file"'),
    ("credentials auto; file events;",
     'setting "credentials" in destination "bus" has no meaning for "file"'),
]


@pytest.mark.parametrize("text, message", KIND_MISTAKES)
def test_kind_of_a_destination(text, message):
    line = f"momento_destination bus {{ {text} }}"
    refused(check_config(http=line), message, line)


@pytest.mark.parametrize("variable, value, message", [
    ("AWS_REGION", "US West",
     'destination "bus": "US West" is not an AWS region: write it like "us-west-2"'),
    ("AWS_ENDPOINT_URL_EVENTBRIDGE", "localhost",
     'destination "bus": AWS_ENDPOINT_URL_EVENTBRIDGE: "localhost" is not an http or https '
     'URL: it must begin with "http://" or "https://"'),
])
def test_variables_of_the_environment(variable, value, message):
    line = "momento_destination bus { eventbridge default; }"
    refused(check_config(http=line, env={**REGION, variable: value}), message, line)


def test_errors_of_a_block_point_at_their_line():
    result = check_config(env=REGION, http="""
        momento_destination bus {
            eventbridge default;
            batch
                entries=11;
            region us-west-2;
        }""")
    refused(result, 'invalid parameter "entries=11" in "batch" of destination "bus": a number '
            "from 1 to 10 is expected", "entries=11;")


WEBHOOK_MISTAKES = [
    ("momento_webhook;", 'invalid number of arguments in "momento_webhook" directive'),
    ('momento_webhook "";',
     'invalid value "" in "momento_webhook": the name of a "momento_destination" is expected'),
    ("momento_webhook other;",
     'unknown destination "other" in "momento_webhook": "bus" is expected'),
    ("momento_webhook $arg_bus$;", 'invalid variable name'),
    ("momento_webhook bus; momento_webhook bus;", '"momento_webhook" directive is duplicate'),
    ("momento_webhook bus; proxy_pass http://127.0.0.1:1;",
     '"momento_webhook" has no effect: another directive of the same location answers its '
     "requests"),
    ("momento_webhook bus; return 200;",
     '"momento_webhook" has no effect: another directive of the same location answers its '
     "requests"),
    ("momento_status; momento_webhook bus;",
     '"momento_status" has no effect: another directive of the same location answers its '
     "requests"),
    ("momento_status; proxy_pass http://127.0.0.1:1;",
     '"momento_status" has no effect: another directive of the same location answers its '
     "requests"),
]


@pytest.mark.parametrize("text, message", WEBHOOK_MISTAKES)
def test_webhook(text, message):
    line = f"location / {{ momento_webhook_secret s; {text} }}"
    refused(check_config(http=SPOOL + file_destination(), server=line), message, line)


def test_webhook_without_a_secret():
    refused(check_config(http=SPOOL + file_destination(), server=webhook(secret=None)),
            '"momento_webhook" needs a "momento_webhook_secret"', webhook(secret=None))


def test_webhook_whose_destination_is_a_variable_needs_all_that_others_need():
    line = webhook("momento_webhook_max_body 1m;", destination="$arg_to", secret="")
    refused(check_config(http=SPOOL, server=line),
            '"momento_webhook" needs a "momento_destination" at http level', line)
    refused(check_config(http=SPOOL + file_destination(), server=line),
            '"momento_webhook" needs a "momento_webhook_secret"', line)
    line = webhook("momento_webhook_max_body 1m;", destination="$arg_to")
    refused(check_config(http=SPOOL + file_destination(), server=line),
            '"momento_webhook_max_body" of 1048576 bytes does not fit into a segment of '
            '"momento_spool" (1048576 bytes)', line)


def test_webhook_without_a_spool():
    refused(check_config(http=file_destination(), server=webhook()),
            '"momento_webhook" needs "momento_spool" at http level', webhook())


def test_webhook_without_any_destination():
    refused(check_config(http=SPOOL, server=webhook()),
            'unknown destination "bus" in "momento_webhook": there is no "momento_destination"',
            webhook())


def test_webhook_names_every_destination_there_is():
    http = SPOOL + file_destination("a") + file_destination("b")
    refused(check_config(http=http, server=webhook()),
            'unknown destination "bus" in "momento_webhook": "a", "b" is expected', webhook())


def test_spool_twice():
    refused(check_config(http="momento_spool a;\nmomento_spool b;"),
            '"momento_spool" directive is duplicate', "momento_spool b;")


LOCATION_MISTAKES = [
    ("momento_webhook_max_age 0;",
     'invalid value "0" in "momento_webhook_max_age": a time from 1ms to 3650d is expected'),
    ("momento_webhook_max_age soon;",
     'invalid value "soon" in "momento_webhook_max_age": a time from 1ms to 3650d is expected'),
    ("momento_webhook_max_age 11y;",
     'invalid value "11y" in "momento_webhook_max_age": a time from 1ms to 3650d is expected'),
    ("momento_webhook_max_age 1s; momento_webhook_max_age 2s;",
     '"momento_webhook_max_age" directive is duplicate'),
    ("momento_webhook_max_ahead -1s;",
     'invalid value "-1s" in "momento_webhook_max_ahead": a time from 0 to 3650d is expected'),
    ("momento_webhook_timeout 0;",
     'invalid value "0" in "momento_webhook_timeout": a time from 1ms to 1h is expected'),
    ("momento_webhook_max_body 0;",
     'invalid value "0" in "momento_webhook_max_body": a size from 1 to 16m is expected'),
    ("momento_webhook_max_body 17m;",
     'invalid value "17m" in "momento_webhook_max_body": a size from 1 to 16m is expected'),
    ("momento_webhook_parked 0;",
     'invalid value "0" in "momento_webhook_parked": a number from 1 to 1000000 is expected'),
    ("momento_webhook_parked many;",
     'invalid value "many" in "momento_webhook_parked": a number from 1 to 1000000 is '
     "expected"),
    ("momento_webhook_dry_run maybe;",
     'invalid value "maybe" in "momento_webhook_dry_run" directive, it must be "on" or "off"'),
    ("momento_webhook_ack never;",
     'invalid value "never" in "momento_webhook_ack": "durable" or "delivered" is expected'),
    ("momento_webhook_ack durable; momento_webhook_ack durable;",
     '"momento_webhook_ack" directive is duplicate'),
    ("momento_webhook_secret;",
     'invalid number of arguments in "momento_webhook_secret" directive'),
    ('momento_webhook_secret "";',
     'invalid value in "momento_webhook_secret": the secret is empty'),
    ("""momento_webhook_secret '{"momentoSecret":""}';""",
     'cannot use "momento_webhook_secret": secret "plain" has an empty member '
     '"momentoSecret"'),
    ("""momento_webhook_secret '{"other":"value"}';""",
     'cannot use "momento_webhook_secret": secret "plain" has no member "momentoSecret"'),
    ("""momento_webhook_secret '{"momentoSecret":7}';""",
     'cannot use "momento_webhook_secret": secret "plain" has no string in member '
     '"momentoSecret"'),
    ("momento_webhook_secret file:;",
     'invalid value in "momento_webhook_secret": secret "file:" names no file'),
    ("momento_webhook_secret file:%%DIR%%/json#;",
     'invalid value in "momento_webhook_secret": secret "file:%%DIR%%/json#" names no member '
     'behind "#"'),
    ("momento_webhook_secret file:%%DIR%%/none;",
     'cannot use "momento_webhook_secret": cannot open "%%DIR%%/none": No such file or '
     "directory"),
    ("momento_webhook_secret file:%%DIR%%;",
     'cannot use "momento_webhook_secret": "%%DIR%%" is not a regular file'),
    ("momento_webhook_secret file:%%DIR%%/empty;",
     'cannot use "momento_webhook_secret": secret "file:%%DIR%%/empty" is empty'),
    ("momento_webhook_secret file:%%DIR%%/large;",
     'cannot use "momento_webhook_secret": "%%DIR%%/large" is longer than 65536 bytes'),
    ("momento_webhook_secret file:%%DIR%%/json#other;",
     'cannot use "momento_webhook_secret": secret "file:%%DIR%%/json#other" has no member '
     '"other"'),
    ("momento_webhook_secret file:%%DIR%%/text#chat;",
     'cannot use "momento_webhook_secret": secret "file:%%DIR%%/text#chat" is no JSON object: '
     'it has no member "chat"'),
    ("momento_webhook_secret env:;",
     'invalid value in "momento_webhook_secret": secret "env:" names no environment variable'),
    ("momento_webhook_secret env:NOT_SET;",
     'cannot use "momento_webhook_secret": secret "env:NOT_SET" is not set in the environment'),
    ("momento_webhook_secret env:EMPTY;",
     'cannot use "momento_webhook_secret": secret "env:EMPTY" is empty'),
    ("momento_webhook_secret other cache=;",
     'invalid parameter "cache=" in "momento_webhook_secret": a name is expected'),
    ("momento_webhook_secret other cache=a cache=b;",
     'duplicate parameter "cache=b" in "momento_webhook_secret"'),
    ("momento_webhook_secret other previous=1h;",
     'invalid parameter "previous=" in "momento_webhook_secret": only "file:" and '
     '"secretsmanager:" sources have a previous version'),
    ("momento_webhook_secret s;",
     'duplicate secret "plain" in "momento_webhook_secret"'),
]
FILES = {"json": '{"chat":"value"}', "text": "value", "empty": "\n", "large": "x" * 65_537}


@pytest.mark.parametrize("text, message", LOCATION_MISTAKES)
def test_location(text, message):
    line = webhook(text, secret="s")
    refused(check_config(http=SPOOL + file_destination(), server=line, files=FILES,
                         env={"EMPTY": ""}), message, line)


def test_a_secret_that_was_split_by_a_blank_is_not_quoted():
    line = webhook("momento_webhook_secret first second;", secret="s")
    result = check_config(http=SPOOL + file_destination(), server=line)
    refused(result, 'unknown parameter in "momento_webhook_secret": "cache=", "topic=" or '
            '"previous=" is expected', line)
    assert "second" not in result.output


@pytest.mark.parametrize("secret", [
    "short-secret", '\'{"momentoSecret":7,"x":"short-secret"}\'', "file:%%DIR%%/secret#chat"])
def test_no_message_quotes_a_secret(secret):
    result = check_config(
        http=SPOOL + file_destination(), files={"secret": "short-secret"},
        server=webhook("momento_webhook_secret short-secret;", secret=secret))
    assert result.status == 1
    assert "short-secret" not in result.output


LOOKS_LIKE_A_SOURCE = ('a secret that is given itself looks like a source: those are "file:PATH", '
                       '"env:NAME" or "secretsmanager:ID"')
WHITE = ("has a blank at an end, or a line break or another control character, which count too: "
         "remove them")


@pytest.mark.parametrize("secret, warning", [
    ("$secret",
     'a secret that is given itself begins with "$": variables have no meaning there'),
    ("File:/etc/secret", LOOKS_LIKE_A_SOURCE),
    ("arn:aws:secretsmanager:us-west-2:123456789012:secret:hooks", LOOKS_LIKE_A_SOURCE),
    ("%%DIR%%/value", LOOKS_LIKE_A_SOURCE),
    ('" value"', f'secret "plain" {WHITE}'),
    ("env:BLANK", f'secret "env:BLANK" {WHITE}'),
    ("file:%%DIR%%/lines", f'secret "file:%%DIR%%/lines" {WHITE}'),
    ("file:%%DIR%%/mark", 'secret "file:%%DIR%%/mark" begins with a byte order mark, which counts '
     "too: remove it"),
    ("file:%%DIR%%/broken", 'secret "file:%%DIR%%/broken" begins like a JSON object and is none: '
     "it counts as it stands"),
    ("'\"value\"'", 'secret "plain" stands in quotes, which count too: remove them'),
    ("file:%%DIR%%/quotes", 'secret "file:%%DIR%%/quotes" stands in quotes, which count too: '
     "remove them"),
    ("file:%%DIR%%/shell", 'secret "file:%%DIR%%/shell" looks like NAME=VALUE, and all of it '
     "counts: leave the value only"),
    ("env:BYTE", 'secret "env:BYTE" is one byte long: anybody can guess it'),
])
def test_a_secret_that_nobody_would_mean_is_a_warning(secret, warning):
    line = webhook(secret=secret)
    result = check_config(
        http=SPOOL + file_destination(), server=line, env={"BLANK": "value ", "BYTE": "x"},
        files={"value": "value", "lines": "value\nother\n", "mark": "\ufeffvalue\n",
               "broken": '{"momentoSecret": "value",}', "quotes": "'value'\n",
               "shell": "MOMENTO_SECRET=value\n"})
    assert result.status == 0, result.output
    warnings = [text for text in result.output.splitlines() if "[warn]" in text]
    assert any(warning in text for text in warnings), result.output


@pytest.mark.parametrize("secret", [
    "kf2/XyZ+abc=", "/not/a/file+here==", "a:b", "sk_live-1.2~3", "file:%%DIR%%/json#chat"])
def test_any_other_secret_is_taken_without_a_word(secret):
    result = check_config(http=SPOOL + file_destination(), server=webhook(secret=secret),
                          files=FILES)
    assert result.status == 0, result.output
    assert "a secret that is given" not in result.output
    assert "which count" not in result.output


def test_a_secret_in_a_file_that_everybody_reads_is_a_warning():
    warning = ("a secret stands in a file that everybody can read: move it to a file of its own "
               'and write "file:PATH", or chmod o-r "%%DIR%%/secret.conf"')

    def output(mode, secret="in-the-configuration"):
        return check_config(
            http=SPOOL + file_destination(), files={
                "secret.conf": f"momento_webhook_secret {secret};", "text": "value"},
            prepare=lambda directory: (directory / "secret.conf").chmod(mode),
            server=webhook("include %%DIR%%/secret.conf;", secret="")).output

    assert warning in output(0o644)
    assert warning not in output(0o640)
    assert warning not in output(0o644, "file:%%DIR%%/text")


@pytest.mark.parametrize("timeout, is_too_long", [("5s", False), ("5001ms", True), ("1h", True)])
def test_a_timeout_that_is_longer_than_momentos_is_a_warning(timeout, is_too_long):
    result = check_config(http=SPOOL + file_destination(),
                          server=webhook(f"momento_webhook_timeout {timeout};"))
    assert result.status == 0, result.output
    assert ('"momento_webhook_timeout" is longer than the 5 seconds after which Momento gives a '
            "webhook up" in result.output) == is_too_long


@pytest.mark.parametrize("directive", [
    "momento_spool spool;", "momento_destination bus { file events; }"])
def test_http_level_only(directive):
    refused(check_config(server=directive),
            f'"{directive.split()[0]}" directive is not allowed here', directive)


@pytest.mark.parametrize("directive", ["momento_webhook bus;", "momento_webhook_secret s;"])
def test_inside_http_only(directive):
    refused(check_config(main=directive),
            f'"{directive.split()[0]}" directive is not allowed here', directive)


PATHS = [
    ("access_log %%DIR%%/$momento_topic.log;", "momento_topic", "access_log"),
    ('access_log "%%DIR%%/$host/${momento_cache}x" combined buffer=4k;', "momento_cache",
     "access_log"),
    ("root %%DIR%%/$Momento_Token_Id;", "momento_token_id", "root"),
    ("location /files { alias %%DIR%%/$momento_sequence/; }", "momento_sequence", "alias"),
    ("index $momento_age.html;", "momento_age", "index"),
    ("try_files /first /$momento_topic =404;", "momento_topic", "try_files"),
    ("location /store { proxy_pass http://127.0.0.1:1; proxy_store %%DIR%%/$momento_cache; }",
     "momento_cache", "proxy_store"),
]


@pytest.mark.parametrize("line, variable, directive", PATHS)
def test_what_an_event_says_makes_no_path(line, variable, directive):
    message = (f'"${variable}" in "{directive}": what an event says does not belong into a path, '
               'let a "map" of it choose among paths that you write')
    refused(check_config(server=line), message, line)
    inside = f"location /x {{ if ($arg_x) {{ {line} }} }}"
    if directive in ("access_log", "root"):
        refused(check_config(server=inside), message, inside)


def test_what_an_event_says_may_stand_elsewhere():
    result = check_config(
        http="""
            log_format told "$momento_cache $momento_topic";
            map $momento_topic $file { volatile; default other; chat chat; }
            map $momento_topic $is_chat { volatile; default 0; chat 1; }
            access_log %%DIR%%/$file-$momento_verdict-$momento_version told if=$is_chat;
            access_log %%DIR%%/told told if=$momento_topic;""",
        server="""
            root %%DIR%%/$momento_topical;
            set $momento_topical x;
            add_header X-Topic $momento_topic;""")
    assert result.status == 0, result.output


def test_a_body_must_fit_into_a_segment():
    line = webhook("momento_webhook_max_body 1m;")
    refused(check_config(http=SPOOL + file_destination(), server=line),
            '"momento_webhook_max_body" of 1048576 bytes does not fit into a segment of '
            '"momento_spool" (1048576 bytes)', line)


def test_a_file_cannot_be_a_log_and_a_destination():
    line = "momento_destination bus { file %%DIR%%/a.log; }"
    refused(check_config(http="access_log %%DIR%%/a.log combined buffer=4k;\n" + line),
            'invalid value "%%DIR%%/a.log" in "file" of destination "bus": the file is already '
            "written to by another directive", line)


STORED_MISTAKES = [
    ("secretsmanager:", {},
     'invalid value in "momento_webhook_secret": secret "secretsmanager:" names no secret'),
    ("secretsmanager:hooks", {},
     'cannot use "momento_webhook_secret": secret "secretsmanager:hooks": no region known, name '
     "the secret by its ARN or set AWS_REGION"),
    ("secretsmanager:hooks", {"AWS_REGION": "us west"},
     'cannot use "momento_webhook_secret": secret "secretsmanager:hooks": "us west" is not an '
     'AWS region: write it like "us-west-2"'),
    ("secretsmanager:hooks", {"AWS_REGION": "us-west-2",
                              "AWS_ENDPOINT_URL_SECRETS_MANAGER": "nowhere"},
     'cannot use "momento_webhook_secret": secret "secretsmanager:hooks": '
     'AWS_ENDPOINT_URL_SECRETS_MANAGER: "nowhere" is not an http or https URL: it must begin '
     'with "http://" or "https://"'),
    ("secretsmanager:my:hooks", {"AWS_REGION": "us-west-2"},
     'cannot use "momento_webhook_secret": secret "secretsmanager:my:hooks": "my:hooks" is not '
     """a secret's name: up to 512 letters, digits, or "/_+=.@-\""""),
    ("secretsmanager:arn:aws:sqs:us-west-2:123456789012:hooks", {},
     'cannot use "momento_webhook_secret": secret '
     '"secretsmanager:arn:aws:sqs:us-west-2:123456789012:hooks": '
     '"arn:aws:sqs:us-west-2:123456789012:hooks" is not the ARN of a secret: write '
     '"arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"'),
    ("secretsmanager:hooks previous=31d", {"AWS_REGION": "us-west-2"},
     'invalid parameter "previous=31d" in "momento_webhook_secret": a time from 0 to 30d is '
     "expected"),
]


@pytest.mark.parametrize("secret, env, message", STORED_MISTAKES)
def test_a_secret_of_secrets_manager(secret, env, message):
    line = webhook(secret=secret)
    refused(check_config(http=SPOOL + file_destination(), server=line, env=env), message, line)


# No mistakes


GOOD = {
    "nothing of ours": {},
    "no http": {"http": ""},
    "a spool and a destination nobody uses": {"http": SPOOL + file_destination()},
    "everything": {
        "http": f"""
            momento_spool %%DIR%%/spool size=2g segment=16m sync=os;
            momento_destination a-B_9 {{
                eventbridge {BUS};
                endpoint https://vpce-1.events.eu-west-1.vpce.amazonaws.com;
                proxy http://user:password@proxy.example:3128;
                credentials profile hooks;
                source my.source;
                batch entries=5 size=1000000 linger=0;
                connections 1000;
                timeout connect=500ms total=30s;
                retry for=7d max_delay=1m;
                dead_letter sqs https://sqs.us-west-2.amazonaws.com/123456789012/letters;
            }}
            momento_destination {'x' * 64} {{ file %%DIR%%/events.json; source s; }}""",
        "server": """
            location / {
                momento_webhook a-B_9;
                momento_webhook_secret one;
                momento_webhook_secret two cache=chat;
                momento_webhook_secret two cache=chat topic=room;
                momento_webhook_secret file:%%DIR%%/text;
                momento_webhook_max_age 5m;
                momento_webhook_max_ahead 0;
                momento_webhook_ack durable;
                momento_webhook_timeout 4500ms;
                momento_webhook_max_body 1m;
                momento_webhook_parked 10000;
                momento_webhook_dry_run off;
            }"""},
    "settings in any order, on several lines": {"http": """
        momento_destination bus {
            region us-west-2; batch linger=1
                entries=2;
            # a comment
            eventbridge default;
        }"""},
    "a destination behind the server that uses it": {
        "http": SPOOL, "server": webhook(), "main": ""},
    "an include inside a destination": {
        "http": "momento_destination bus { include %%DIR%%/bus.conf; }"},
    "two webhooks, one destination": {
        "http": SPOOL + file_destination(), "server": webhook() + webhook(path="/other")},
    "a webhook inside an if": {
        "http": SPOOL + file_destination(),
        "server": webhook("if ($arg_x) { set $y 1; }")},
    "a webhook that an if may answer": {
        "http": SPOOL + file_destination(),
        "server": webhook("if ($arg_x) { return 403; }")},
    "segments that are larger than letters need by default": {
        "http": "momento_spool spool size=8g segment=1g;" + file_destination() + """
            momento_destination queued {
                eventbridge default;
                dead_letter sqs https://sqs.us-west-2.amazonaws.com/123456789012/letters;
            }"""},
    "a webhook with limit_except": {
        "http": SPOOL + file_destination(),
        "server": webhook("limit_except POST { deny all; }")},
}
GOOD["a destination behind the server that uses it"]["http"] += "\n" + (
    "server { listen unix:%%DIR%%/first; " + webhook() + " }\n" + file_destination())


@pytest.mark.smoke
@pytest.mark.parametrize("name", GOOD)
def test_no_mistake(name):
    result = check_config(env=REGION, files={**FILES, "bus.conf": "eventbridge default;"},
                          **GOOD[name])
    assert result.status == 0, result.output


@pytest.mark.smoke
def test_nested_locations_inherit(start_webhook):
    hook = start_webhook(server="""
        location /outer {
            momento_webhook_secret outer;
            momento_webhook_max_age 1h;
            location = /outer/inherits { momento_webhook bus; }
            location = /outer/own {
                momento_webhook bus;
                momento_webhook_secret own;
                momento_webhook_max_age 1s;
            }
        }""")
    old = documented_event(age_ms=600_000)
    assert hook.send(old, path="/outer/inherits", secret="outer").status == 200
    assert hook.send(path="/outer/own", secret="own").status == 200
    assert hook.send(path="/outer/own", secret="outer").status == 403
    assert hook.send(old, path="/outer/own", secret="own").status == 403


def test_a_test_of_the_configuration_leaves_the_spool_alone(start_webhook):
    # nginx itself makes the directory, even then; nobody else does anything.
    hook = start_webhook()
    before = sorted(hook.path("spool").rglob("*"))
    result = check_config(http=f"momento_spool {hook.path('spool')};" + file_destination(),
                          server=webhook())
    assert result.status == 0
    assert sorted(hook.path("spool").rglob("*")) == before
