"""Checks: the image runs as a service, a command looks at it, and the tests gate believes the outcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.real import samples
from tests.real.site import Site
from tests.tools.git import commit

pytestmark = pytest.mark.real

# A web server, and a client that prints the answer's body: Debian's base has perl and nothing else for either.
SERVER = """\
use IO::Socket::INET;
$| = 1;
print STDERR "ready for $ARGV[0]\\n";
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die "$!";
while (my $c = $s->accept) {
    my $line = <$c>;
    print "asked\\x1b[2J for $line";
    print $c "HTTP/1.0 200 OK\\r\\n\\r\\n$ENV{GREETING} $ARGV[0]\\n";
    close $c;
}
"""
CLIENT = """\
use IO::Socket::INET;
my $s = IO::Socket::INET->new("image:8080") or die "no answer: $!\\n";
print $s "GET / HTTP/1.0\\r\\n\\r\\n";
my @lines = <$s>;
print $lines[-1];
exit($lines[-1] eq "$ARGV[0]\\n" ? 0 : 9);
"""
REPORT = """\
mkdir("/reports/out");
open(my $f, ">", "/reports/out/junit.xml") or die "$!";
print $f "<testsuite><testcase name='one'/><testcase name='two'>$ARGV[0]</testcase></testsuite>";
exit($ARGV[0] ? 1 : 0);
"""
WEB = {
    "images/web/Dockerfile.tmpl": samples.DEBIAN
    + 'COPY rootfs/ /\nENV GREETING=hello\nENTRYPOINT ["perl", "/srv/server.pl"]\nCMD ["world"]\n',
    "images/web/rootfs/srv/server.pl": SERVER,
    "images/web/checks/client.pl": CLIENT,
}
IMAGE = """\
tags: ["1.0.0"]
checks:
  answers:
    image: debian:bookworm-slim
    command: [perl, client.pl, {expected}]
    folder: ./checks
    service: {{ports: [8080]}}
  answers-otherwise:
    command: [perl, client.pl, good moon]
    folder: ./checks
    service: {{args: [moon], env: {{GREETING: good}}, ports: [8080]}}
  alone:
    command: [test, -f, /srv/server.pl]
"""


def test_checks_pass_or_close_the_gate_and_run_again_only_when_they_must(
    site: Site, project: Callable[..., Path]
) -> None:
    root = project(WEB | {"images/web/image.yml": IMAGE.format(expected="hello world")})
    [target] = site.run("test", "--json", cwd=root).json["targets"]
    assert target["tests"] == {"passed": 3, "total": 3}
    assert site.run("test", "--json", cwd=root).json["engine_used"] is False

    (root / "images/web/image.yml").write_text(IMAGE.format(expected="hello mars"))
    commit(root)
    done = site.run("test", "--json", cwd=root, expect=7)
    [target] = done.json["targets"]
    assert target["tests"] == {"passed": 2, "total": 3}
    assert "answers: exited with 9" in done.err and "hello world" in done.err
    assert r"the service printed:\nready for world\nasked" in done.err and "GET / HTTP/1.0" in done.err


def test_a_service_that_does_not_start_and_a_command_without_end_fail(
    site: Site, project: Callable[..., Path]
) -> None:
    checks = """\
tags: ["1.0.0"]
checks:
  dies: {command: ["true"], service: {args: [world], env: {PERL5OPT: -Mnothing}, ports: [8080]}}
  endless: {command: [sleep, "1000"], timeout: 3}
  missing: {command: [/no/such/program]}
"""
    dockerfile = WEB["images/web/Dockerfile.tmpl"] + "USER nobody\n"
    root = project(WEB | {"images/web/image.yml": checks, "images/web/Dockerfile.tmpl": dockerfile})
    done = site.run("test", "--json", cwd=root, expect=7)
    [target] = done.json["targets"]
    assert target["tests"] == {"passed": 0, "total": 3}
    assert "endless: no end after 3 s" in done.err
    assert "dies: " in done.err and "missing: " in done.err
    assert "the service printed:" in done.err and "Can't locate nothing.pm" in done.err


def test_cases_of_a_junit_report_are_the_check_s(site: Site, project: Callable[..., Path]) -> None:
    checks = """\
tags: ["1.0.0"]
checks:
  fine: {command: [perl, report.pl, ""], folder: ./checks, junit: out/junit.xml}
  fails: {command: [perl, report.pl, <failure>boom</failure>], folder: ./checks, junit: out/junit.xml}
  silent: {command: ["true"], junit: out/junit.xml}
"""
    root = project(WEB | {"images/web/image.yml": checks, "images/web/checks/report.pl": REPORT})
    done = site.run("test", "--json", cwd=root, expect=7)
    [target] = done.json["targets"]
    assert target["tests"] == {"passed": 3, "total": 5}, done.err
    assert "fails: two: boom" in done.err and "silent: no report at /reports/out/junit.xml" in done.err


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("{command: [a], image: stranger:1}", "add docker.io/library/stranger:1 to bases: in lockage.yml"),
        ("{command: [a], folder: ./none}", "images/web/none is not there"),
        ("{command: []}", "checks.bad.command"),
        ("{command: [a], comand: [b]}", "did you mean"),
    ],
)
def test_a_bad_check_is_found_by_the_plan(
    site: Site, project: Callable[..., Path], check: str, message: str
) -> None:
    root = project(WEB | {"images/web/image.yml": f'tags: ["1.0.0"]\nchecks:\n  bad: {check}\n'})
    done = site.run("plan", cwd=root, expect=3)
    assert "images/web/image.yml:3:" in done.err and message in done.err
