"""Segments follow what people say of customers, before the next refresh."""

from typing import Any

import pytest

from tenure.desk.customers import services as customers
from tenure.desk.customers.relations import relate
from tenure.desk.customers.segments import changes, services
from tenure.desk.customers.segments.asking import asker_of
from tenure.desk.customers.segments.models import SegmentChange, in_segment
from tenure.desk.customers.segments.services import Draft
from tenure.desk.governance.access import scope_of
from tenure.desk.governance.consents import record_consent
from tenure.desk.governance.models import User
from tenure.desk.lake import lake
from tenure.desk.work.api import soon, work_off
from tenure.desk.work.models import Job
from tests.cast import LI, MONDAY, SMITH, WANG, ZHANG

pytestmark = pytest.mark.django_db


def _segment(dee: User, name: str, told: dict[str, Any]) -> int:
    draft = Draft(name, {"all": [told]})
    row = services.create(draft, asker=asker_of(dee, scope_of(dee)), actor=dee, now=MONDAY)
    return changes.work_out(lake(), row.pk, now=MONDAY).pk


def _inside(segment: int) -> set[int]:
    return set(in_segment(segment).values_list("person_id", flat=True))


def test_who_is_in_a_segment_follows_what_somebody_just_said(
    company: dict[str, User], django_capture_on_commit_callbacks: Any
) -> None:
    dee, ann = company["dee"], company["ann"]
    hers = _segment(dee, "Ann's", {"field": "owner", "is": "in", "value": [str(ann.pk)]})
    others = _segment(dee, "Not Ann's in the East", {"all": [
        {"segment": hers, "is": "out"}, {"field": "region", "is": "in", "value": ["浙江"]}]})  # fmt: skip
    mail = _segment(dee, "May be mailed", {"consent": "marketing", "channel": "mail", "is": "yes"})
    brings = _segment(dee, "Bring others", {"field": "influence", "is": "set"})
    risky = _segment(dee, "At risk", {"field": "churn_probability", "is": "ge", "value": 50})
    assert (_inside(hers), _inside(others), _inside(mail), _inside(brings)) == ({WANG, LI}, {ZHANG}, set(), set())
    assert set(changes.following_the_desk()) == {hers, others, mail, brings}, "risk is what a refresh works out"

    by = {"scope": scope_of(dee), "actor": dee, "now": MONDAY}
    with django_capture_on_commit_callbacks(execute=True):
        customers.assign_customer(ZHANG, owner=ann, team=None, **by)
        customers.assign_customers([WANG, SMITH], owner=None, team=None, **by)
        record_consent(SMITH, purpose="marketing", channel="mail", state="given", source="call", evidence="said so",
                       actor=dee, now=MONDAY)  # fmt: skip
        relate(SMITH, LI, "referred_by", **by)
    [job] = Job.objects.filter(kind="segments")
    assert job.status == Job.Status.WAITING, "several words are one job"
    with django_capture_on_commit_callbacks(execute=True):
        assert work_off(lambda: MONDAY) == 1

    assert (_inside(hers), _inside(others), _inside(mail), _inside(brings)) == ({LI, ZHANG}, {WANG}, {SMITH}, {LI})
    later = SegmentChange.objects.filter(first=False)
    assert {row.segment_id for row in later} == {hers, others, mail, brings}
    assert not later.filter(told_at=None).exists()
    assert risky not in {row.segment_id for row in later}


def test_where_no_segment_asks_for_it_no_job_is_started(
    company: dict[str, User], django_capture_on_commit_callbacks: Any
) -> None:
    _segment(company["dee"], "At risk", {"field": "churn_probability", "is": "ge", "value": 50})

    with django_capture_on_commit_callbacks(execute=True):
        customers.assign_customer(
            ZHANG, owner=company["ann"], team=None, scope=scope_of(company["dee"]), actor=company["dee"], now=MONDAY
        )

    assert not Job.objects.filter(kind="segments").exists()


def test_what_is_said_while_segments_are_worked_out_is_not_missed(company: dict[str, User]) -> None:
    first = soon("segments", now=MONDAY)
    assert soon("segments", now=MONDAY) == first
    Job.objects.filter(pk=first).update(status=Job.Status.RUNNING)

    second = soon("segments", now=MONDAY)

    assert second != first, "the one under way may have passed what was said"
    assert soon("segments", now=MONDAY) == second
    Job.objects.filter(pk=second).update(status=Job.Status.RUNNING)
    assert soon("segments", now=MONDAY) not in (first, second)
