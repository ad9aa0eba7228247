"""Long work as a page shows it: a list, one job, and how far it is, told twice a second."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tenure.desk.governance.api import may, scope_of
from tenure.desk.governance.models import User
from tenure.desk.work import jobs
from tenure.desk.work.api import KINDS
from tenure.desk.work.models import Job
from tenure.web.frame import render

SHOWN = 100
UNHEARD_SECONDS = 15


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What waits, runs, is done or failed, newest first."""
    found = _visible(request).order_by("-pk")[:SHOWN]
    return render(request, "jobs.html", _("Jobs"), jobs=[(job, words_of(job)) for job in found])


@require_safe
def one(request: HttpRequest, job_id: int) -> HttpResponse:
    """One job: how far it is, or how it ended."""
    job = _found(request, job_id)
    return render(request, "job.html", words_of(job), job=job, unheard=unheard(job), next_step=next_step(job))


@require_safe
def progress(request: HttpRequest, job_id: int) -> JsonResponse:
    """How far a job is, for the page that watches it."""
    job = _found(request, job_id)
    return JsonResponse(
        {
            "alive": job.alive, "status": job.status, "state": job.get_status_display(), "step": job.step_words,
            "done": job.done, "total": job.total, "percent": job.percent, "unheard": unheard(job),
        }
    )  # fmt: skip


@require_POST
def stop(request: HttpRequest, job_id: int) -> HttpResponse:
    """Wish a job to stop."""
    job = jobs.stop(_found(request, job_id).pk, actor=_actor(request), now=timezone.now())
    if job.alive:
        messages.info(request, _("It stops at its next rest."))
    back = request.POST.get("next", "")
    return HttpResponseRedirect(back if back.startswith("/data/") else reverse("admin:job", args=[job.pk]))


@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Have everything people see worked out from what was received."""
    job = jobs.start("refresh", params={}, actor=_actor(request), now=timezone.now(), once="refresh")
    return HttpResponseRedirect(reverse("admin:job", args=[job]))


def running(request: HttpRequest) -> list[tuple[Job, str]]:
    """What is at work now, as far as the asker may see it."""
    return [(job, words_of(job)) for job in _visible(request).alive().order_by("pk")[:5]]


def words_of(job: Job) -> str:
    known = KINDS.get(job.kind)
    return str(known.words) if known else job.kind


def unheard(job: Job) -> bool:
    """Whether a job waits, and nobody seems to be there who would take it up."""
    if job.status != Job.Status.WAITING or (timezone.now() - job.asked_at).total_seconds() < UNHEARD_SECONDS:
        return False
    return not Job.objects.filter(status=Job.Status.RUNNING, lease_until__gt=timezone.now()).exists()


def next_step(job: Job) -> tuple[str, str] | None:
    """Where to go when it is done: (address, words)."""
    if job.kind == "refresh":
        return reverse("admin:index"), _("Today")
    upload = job.params.get("upload")
    if isinstance(upload, int):
        return reverse("admin:import_result", args=[upload]), _("To the import")
    batch = job.params.get("batch")
    return (reverse("admin:batch", args=[batch]), _("To the batch")) if isinstance(batch, str) else None


def _visible(request: HttpRequest) -> Any:
    """Everybody's jobs for who may import and sees every customer: counts are over all; else the own ones."""
    found = Job.objects.select_related("asked_by")
    if may(request.user, "import") and scope_of(request.user).sees_all:
        return found
    return found.filter(asked_by=_actor(request))


def _found(request: HttpRequest, job_id: int) -> Job:
    job: Job | None = _visible(request).filter(pk=job_id).first()
    if job is None:
        raise Http404
    return job


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
