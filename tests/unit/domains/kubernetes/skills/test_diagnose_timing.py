"""What stands together in a diagnosis fits: times of events with ages and restarts, runs with schedules, words with what they lead to."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from kubestill.domains.api import HELD, TRAIN
from kubestill.domains.kubernetes.skills.diagnose.align import align
from kubestill.domains.kubernetes.skills.diagnose.asking import tables
from kubestill.domains.kubernetes.skills.diagnose.causes import catalogue
from kubestill.domains.kubernetes.skills.diagnose.judging import stands
from kubestill.domains.kubernetes.skills.diagnose.schedules import dues
from kubestill.domains.kubernetes.skills.diagnose.skill import draw_cause
from kubestill.ground.seeds import Seed

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(age):
    """Return an age as kubectl writes it in seconds: 2m3s."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", age))


def samples(*causes, count=12):
    return [
        draw_cause(name, Seed(21).rng(part, name, number), part) for part in (TRAIN, HELD) for name in causes for number in range(count)
    ]


def field(text):
    """Return the values of a field of a schedule, read in another way than the code does: one value at a time."""

    def has(value):
        return any(
            (span == "*" or (lambda ends: int(ends[0]) <= value <= int(ends[-1]))(span.split("-"))) and value % int(step or 1) == 0
            for span, _, step in (item.partition("/") for item in text.split(","))
        )

    return has


@pytest.mark.parametrize(
    "schedule", ["*/5 * * * *", "30 20 * * 3", "0 */6 * * *", "15 6 * * 1-5", "45 3 1 * *", "0 9 * * 6,0", "7 * * * *"]
)
def test_a_schedule_was_due_at_the_minutes_that_its_fields_name(schedule):
    """Against a walk through every minute of the last forty days."""
    now = datetime(2026, 5, 17, 10, 21, 13, tzinfo=UTC)
    minute, hour, day, _, weekday = map(field, schedule.split(" "))
    walked, time = [], now.replace(second=0)
    while len(walked) < 3 and now - time < timedelta(days=40):
        if minute(time.minute) and hour(time.hour) and day(time.day) and weekday(time.isoweekday() % 7):
            walked.append(time)
        time -= timedelta(minutes=1)
    found = [time for time, _ in zip(dues(schedule, now), walked, strict=False)]
    assert found == walked and walked


def test_missed_and_last_runs_are_times_at_which_the_schedule_is_due():
    checked = 0
    for sample in samples("CronJobDeadlineTooShort"):
        schedule = re.search(r"(?:Schedule: +|schedule: '|)((?:[\d*/,-]+ ){4}[\d*/,-]+)", sample.request)
        missed = re.search(r"start a job: (\w.*\+0000)", sample.request)
        time = datetime.strptime(missed[1], "%a, %d %b %Y %H:%M:%S %z")
        assert time.second == 0 and next(dues(schedule[1].strip(), time)) == time
        if deadline := re.search(r"(?:Deadline Seconds: +|startingDeadlineSeconds: )(\d+)", sample.request):
            assert int(deadline[1]) < 10
            checked += 1
    assert checked > 12


def test_a_cronjob_that_is_not_suspended_ran_when_it_was_last_due():
    seen = 0
    for sample in samples("CronJobSuspended", count=30):
        for row in re.findall(r"((?:[\d*/,-]+ ){5}) *<none>  *False  *0  *(\S+)", sample.request):
            period = re.match(r"\*/(\d+) \* \* \* \* ", row[0])
            assert not period or seconds(row[1]) < int(period[1]) * 60 + 60, row
            seen += 1
    assert seen > 10


def test_replica_counts_of_a_stuck_rollout_add_up():
    for sample in samples("RolloutStuck", "RolloutPaused", count=30):
        for counts in re.findall(r"(\d+) desired \| (\d+) updated \| (\d+) total \| (\d+) available \| (\d+) unavailable", sample.request):
            wanted, updated, total, up, down = map(int, counts)
            assert total == up + down and updated <= wanted and total <= wanted + -(-wanted // 4) and up >= wanted - wanted // 4


def test_events_agree_with_the_restarts_and_the_age_of_the_pod():
    compared = 0
    for sample in samples("MissingEnvVar", "PortInUse", "ExecutableNotFound", "JavaHeapExhausted", "StartupTooSlow", count=20):
        for last, times, first in re.findall(r"(\w+) \(x(\d+) over (\w+)\)", sample.request):
            assert int(times) > 1 and seconds(last) <= seconds(first), sample.request
        started = re.search(r"(?:Pulled|Started) +\w+ \(x(\d+) over", sample.request)
        back_off = re.search(r"BackOff +\w+ \(x(\d+) over", sample.request)
        if started and back_off:
            assert int(back_off[1]) >= int(started[1]) - 1, sample.request
            compared += 1
        row = re.search(r"  (\d+) \((\w+) ago\) +(\w+)\n", sample.request)
        if row:
            assert seconds(row[3]) >= seconds(row[2]) + 10 * (int(row[1]) - 1)
    assert compared > 20


def test_a_log_lies_within_the_run_of_the_container():
    checked = 0
    for sample in samples("MissingEnvVar", "DnsUnreachable", "PortInUse", count=60):
        ran = re.search(r"Started: +(\w.*\+0000)\n +Finished: +(\w.*\+0000)", sample.request)
        logged = re.search(r"\n(\d{4}-\d\d-\d\dT[\d:]{8})\.\d+Z ", sample.request)
        if ran and logged:
            began, ended = (datetime.strptime(when, "%a, %d %b %Y %H:%M:%S %z") for when in ran.groups())
            assert began <= datetime.fromisoformat(f"{logged[1]}+00:00") <= ended
            checked += 1
    assert checked > 3


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("web-7d-x2", "in pod web-7d-x2_prod(4f79c159-9aaf)", True), ("prod", "in pod web-7d-x2_prod(4f79c159-9aaf)", True),
        ("apps", "https://hook.apps.svc:443/validate", True), ("hook", "https://hook.apps.svc:443/validate", True),
        ("web", "web.example.com", False), ("CONFIG", "APP_CONFIG is not set", False), ("APP", "APP_CONFIG is not set", False),
        ("x2", "in pod web-7d-x2_prod(4f79c159-9aaf)", False), ("1.2", "nginx:1.2.3", False), ("web", "service web.", True),
    ],
)  # fmt: skip
def test_a_value_stands_in_a_text_as_a_word_of_its_own(value, text, found):
    assert stands(value, text) is found


def test_webhooks_are_asked_for_by_the_kind_that_was_called():
    for sample in samples("WebhookCertificateInvalid", count=20):
        kind = "mutating" if "/mutate?" in sample.request else "validating"
        assert all(f"{kind}webhookconfigurations" in command for command in sample.intents[-1].value)
        assert ("has expired" in sample.answer) == ("has expired" in sample.request)


def test_nothing_stands_between_a_lead_and_what_it_leads_to():
    """The sentences that name the pod or the namespace come before it."""
    leads = {text.split("(")[0].split("[")[0].strip().lower() for text in tables()["lead/lines"].lines("every") if text.endswith(":")}
    told = re.compile(r"(?i)(namespace|\bns\b|\bpod\b)[^\n]*\.$")
    for sample in samples("CredentialsRejected", "MissingEnvVar", "StorageClassMissing", "ServicePodsNotReady", count=40):
        for line in sample.request.split("\n"):
            _, colon, after = line.partition(": ")
            assert not (colon and line.lower().startswith(tuple(filter(None, leads))) and told.search(after)), sample.request


@pytest.mark.parametrize("name", ["ProbePortWrong", "TargetPortWrong", "StartupTooSlow", "NetworkPolicyBlocks"])
def test_what_a_view_shows_already_is_not_asked_for_again(name):
    """Where the view says that it shows it, the next command is another one."""
    asked: dict[bool, set[str]] = {True: set(), False: set()}
    for sample in samples(name, count=20):
        shown = any(intent.aspect == "seen" for intent in sample.intents)
        verb, what = re.search(r"Next: kubectl (\w+) (.*)", sample.answer).groups()
        asked[shown].add("logs" if verb == "logs" else re.sub(r"^(\w+) .*?(-o jsonpath=\S+|--show-labels|-o yaml).*", r"\1 \2", what))
    assert asked[True] and asked[False] and not asked[True] & asked[False], asked


def test_what_is_noted_has_a_name_that_the_leading_of_notes_takes():
    """grammars/built.py: letters and dots."""
    for cause in catalogue().values():
        for sample in samples(cause.name, count=1):
            assert all(re.fullmatch(r"[a-z][A-Za-z.]{1,24}", intent.aspect) for intent in sample.intents), sample.intents


def test_a_table_that_follows_another_has_columns_of_its_own():
    shown = align(["NAME¦TYPE", "a-long-name-of-a-service¦ClusterIP", "NAME¦READY", "pod¦1/1"])
    assert shown == ["NAME                       TYPE", "a-long-name-of-a-service   ClusterIP", "NAME   READY", "pod    1/1"]


def test_no_cronjob_ran_before_it_was_made():
    seen = 0
    for sample in samples("CronJobSuspended", "CronJobStillRunning", "CronJobMissedStarts", "CronJobDeadlineTooShort", count=30):
        for last, age in re.findall(r"(?:True|False) +\d +(\w+) +(\w+)\n", f"{sample.request}\n"):
            assert seconds(last) <= seconds(age), sample.request
            seen += 1
    assert seen > 60


def test_an_event_is_told_for_an_hour_after_it_was_last_seen():
    """The API server's --event-ttl: of a pod that is older, what happened once is forgotten."""
    seen = 0
    for sample in samples("ExecutableNotFound", "MissingEnvVar", "ProbeTimeout", "JobDeadlineExceeded", "CronJobStillRunning", count=30):
        for age in re.findall(
            r"(?m)^ *(?:(?:Normal|Warning) +\w+ +)?(\w+)(?: \(x\d+ over \w+\))? +(?:Normal|Warning|kubelet|default-sch)", sample.request
        ):
            assert seconds(age) <= 3600, sample.request
            seen += 1
    assert seen > 100


def test_what_cri_o_could_not_create_was_never_started():
    seen = 0
    for sample in samples("ExecutableNotFound", "NotExecutable", "MountPathNotAFile", count=20):
        if "container create failed" in sample.request:
            assert not re.search(r"Back-off|CrashLoop|StartError|Created container|ago\)", sample.request), sample.request
            seen += 1
    assert seen > 20


def test_nobody_has_waited_for_ages_for_what_began_just_now():
    seen = 0
    for sample in samples("ClaimUnbound", "InsufficientGpu", "MountKeyMissing", "NoDefaultStorageClass", count=120):
        if re.search(r"(?i)for ages|forever", sample.request):
            ages = re.findall(r"over (\w+)\)|(?:Pending|ContainerCreating) .*?(\w+)(?:\n|\Z)", sample.request)
            shown = [seconds(age) for pair in ages for age in pair if re.fullmatch(r"(\d+[smhd])+", age)]
            assert not shown or max(shown) >= 890, sample.request
            seen += 1
    assert seen > 3


def test_the_name_of_a_container_is_not_taken_for_the_name_of_its_pod():
    for sample in samples("MissingEnvVar", "JavaHeapExhausted", "PortInUse", "OOMKilled", count=60):
        noted = {intent.aspect: intent.value for intent in sample.intents}
        assert noted.get("pod") != noted.get("container") or "pod" not in noted, sample.request


def test_what_is_said_to_be_missing_is_not_looked_at_next():
    """The command that is offered names no object that is not there: it lists what is there."""
    missing = re.compile(r"(?:ConfigMap|Secret|[Cc]laim|Class|Service|Deployment|secret|provisioner|namespace|context) \{(\w+)\}")
    for cause in catalogue().values():
        if absent := re.search(r"(?:does not exist|is not running or not installed|has no context)", cause.says):
            named = missing.findall(cause.says[: absent.end() + 12])
            assert not named or not re.search(rf"(?:get|describe) \S+ \{{{named[-1]}\}}", cause.next[0]) or len(named) > 1, cause.name
    for sample in samples("NfsUnreachable", "MetricsServerMissing", "ProvisionerNotRunning", count=20):
        assert re.search(
            r"Next: kubectl get (?:pod \S+ -o jsonpath='\{.spec.volumes\}'|apiservices$|pods -A$)", sample.answer, re.MULTILINE
        )


def test_what_crun_writes_is_written_while_the_container_runs():
    checked = 0
    for sample in samples("WrongArchitecture", count=80):
        ran = re.search(r"Started: +(\w.*\+0000)\n +Finished: +(\w.*\+0000)", sample.request)
        written = re.search(r'"time":"(\S+)Z"', sample.request)
        if ran and written:
            began, ended = (datetime.strptime(when, "%a, %d %b %Y %H:%M:%S %z") for when in ran.groups())
            assert began <= datetime.fromisoformat(f"{written[1]}+00:00") <= ended
            checked += 1
    assert checked > 3


def test_the_services_of_a_cluster_lie_in_one_network():
    compared = 0
    for sample in samples("LoadBalancerPending", "DnsNameNotFound", "DependencyRefused", count=40):
        found = re.findall(r"(?<![\d.])(10\.(?:96|43|100|152)|172\.20)\.\d+\.\d+", sample.request)
        assert len(set(found)) <= 1, sample.request
        compared += len(found) > 1
    assert compared > 20
