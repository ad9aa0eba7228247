"""What a page, a log line or an upload must never do."""

import io
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter, get_exception_reporter_class

from tenure.desk.customers.export import harmless
from tenure.desk.governance.models import User
from tenure.errors import TenureError
from tenure.web.hush import HushedFormatter, hushed
from tenure.web.middleware import POLICY, PUBLIC_POLICY
from tenure.web.uploads import checked_upload
from tests.cast import PASSWORD
from tests.conftest import ROOT
from tests.web import SignIn

SECRETS = [
    ("password=hunter2hunter2", "hunter2hunter2"),
    ('{"password": "hunter2 hunter2", "a": 1}', "hunter2 hunter2"),
    ("{'client_secret': 'abc-def'}", "abc-def"),
    ("GET /cgi-bin/gettoken?corpid=ww1&corpsecret=S3cr3t-value HTTP/1.1", "S3cr3t-value"),
    ("GET /back/?code=one-time-code&state=xyzxyz", "one-time-code"),
    ("GET /back/?authCode=one-time-code&state=xyzxyz", "xyzxyz"),
    ("Authorization: Bearer abcdefabcdef", "abcdefabcdef"),
    ("{'Authorization': 'Basic YWxhZGRpbjpvcGVu'}", "YWxhZGRpbjpvcGVu"),
    ("Cookie: sessionid=abc123; csrftoken=def456", "abc123"),
    ("x-acs-dingtalk-access-token: tok-tok-tok", "tok-tok-tok"),
    ("postgresql://ann:pa55word@db/desk", "pa55word"),
    ("smtp://mailer:m41lm41l@mail:587", "m41lm41l"),
    ("api_key=tk_live_abcdef", "tk_live_abcdef"),
    ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
    ("GET /account/password/reset/key/2-dig18u-f8a11bcc4f/", "f8a11bcc4f"),
]


@pytest.mark.parametrize(("line", "secret"), SECRETS)
def test_no_secret_stands_in_a_line_of_the_log(line: str, secret: str) -> None:
    record = logging.LogRecord("tenure", logging.ERROR, "x.py", 1, "it was: %s", (line,), None)

    written = HushedFormatter("{message}", style="{").format(record)

    assert secret not in written
    assert "***" in written
    assert written.startswith("it was: ")


def test_no_secret_stands_in_a_traceback_in_the_log() -> None:
    try:
        raise ValueError("no answer from https://x.example/?corpsecret=S3cr3t-value")
    except ValueError:
        record = logging.LogRecord("tenure", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())

    written = HushedFormatter("{message}", style="{").format(record)

    assert "ValueError" in written
    assert "S3cr3t-value" not in written


def test_the_servers_own_key_is_never_written_whatever_it_is_called() -> None:
    assert django_settings.SECRET_KEY not in hushed(f"x {django_settings.SECRET_KEY} y")


def test_a_plain_line_stays_as_it_is() -> None:
    line = "2026-03-02 customers 12, state open, code A-7: Order A-7 delivered 4 days late"

    assert hushed(line) == line


def test_every_handler_of_the_log_leaves_secrets_out() -> None:
    handlers = django_settings.LOGGING["handlers"]
    formatters = django_settings.LOGGING["formatters"]

    assert {formatters[one["formatter"]]["()"] for one in handlers.values()} == {"tenure.web.hush.HushedFormatter"}
    assert [name for name, one in django_settings.LOGGING["loggers"].items() if one.get("handlers")] == []


@pytest.mark.parametrize("debug", [True, False])
def test_an_error_page_shows_no_password_cookie_or_key_even_while_developing(settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    request = RequestFactory().post(
        "/x/?token=tok-tok-tok",
        {"password": PASSWORD, "login": "ann"},
        headers={"Authorization": "Bearer bear-bear-bear"},
    )
    request.COOKIES["sessionid"] = "cookie-cookie"
    error = _raised(request)

    reporter: ExceptionReporter = get_exception_reporter_class(request)(request, *error)
    shown = reporter.get_traceback_html() + reporter.get_traceback_text()

    assert "a plain thing" in shown
    for secret in (
        PASSWORD,
        "tok-tok-tok",
        "bear-bear-bear",
        "cookie-cookie",
        settings.SECRET_KEY,
        "in-a-local-variable",
    ):
        assert secret not in shown, secret


def _raised(request: Any) -> Any:
    try:
        value = request.POST["password"]
        everything = {"password": value, "fine": "a plain thing"}
        api_key = "-".join(["in", "a", "local", "variable"])  # the page shows the lines of the code, too
        raise ValueError("this went wrong")
    except ValueError:
        assert everything, api_key
        return sys.exc_info()


@pytest.mark.parametrize("policy", [POLICY, PUBLIC_POLICY])
def test_no_page_runs_a_script_that_stands_in_it_or_comes_from_elsewhere(policy: str) -> None:
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}

    assert rules["default-src"] == ["'none'"]
    assert set(rules["script-src"]) <= {"'self'", "'unsafe-eval'"}
    assert rules["object-src"] == rules["base-uri"] == rules["frame-ancestors"] == ["'none'"]
    assert rules["form-action"] == ["'self'"]
    assert not any(source.startswith(("http", "*", "//")) for sources in rules.values() for source in sources)


@pytest.mark.django_db
def test_a_page_nobody_thought_of_gets_the_strictest_policy(people: dict[str, User]) -> None:
    for path in ("/no/such/page", "/shared/x", "/preferences/x"):
        answer = Client().get(path)
        if answer.status_code != 302:
            assert answer.headers["Content-Security-Policy"] == PUBLIC_POLICY, path


def test_the_shell_and_our_templates_hold_no_script_and_no_handler() -> None:
    import re

    import unfold

    for folder in (Path(unfold.__file__).parent / "templates", ROOT / "src/tenure/web/templates"):
        for path in folder.rglob("*.html"):
            if "crispy" in path.parts or "unfold_crispy" in path.as_posix():
                continue  # a form layout this product does not use
            text = path.read_text(encoding="utf-8")
            scripts = re.findall(r"<script\b[^>]*>", text)
            assert [one for one in scripts if "src=" not in one and "application/json" not in one] == [], path
            assert not re.search(r"""<[^>]*\son(?:click|load|change|submit|input|error)\s*=""", text), path


@pytest.mark.django_db
def test_cookies_stay_out_of_scripts_and_other_sites(people: dict[str, User]) -> None:
    client = Client()
    client.get("/account/login/")
    client.post("/account/login/", {"login": "ann", "password": PASSWORD})

    for name in ("sessionid", "csrftoken"):
        assert client.cookies[name]["httponly"]
        assert client.cookies[name]["samesite"] == "Lax"


@pytest.mark.django_db
def test_a_form_without_its_token_changes_nothing(people: dict[str, User]) -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post("/account/login/", {"login": "ann", "password": PASSWORD}).status_code == 403
    assert "sessionid" not in client.cookies


def test_a_server_behind_https_passes_djangos_check_for_deployment(tmp_path: Path) -> None:
    # Tests with a browser allow this for their own process; a server never has it.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    ran = subprocess.run(
        [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"],
        env=inherited | {"PYTHONPATH": str(ROOT / "src"), "DJANGO_SETTINGS_MODULE": "tenure.settings", "TENURE_HTTPS": "1",
                         "TENURE_HOME": str(tmp_path), "TENURE_HOSTS": "crm.example.com"},
        capture_output=True, text=True,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no issues" in ran.stdout + ran.stderr


PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
XLSX_HEAD = b"PK\x03\x04"


def workbook() -> bytes:
    import openpyxl

    file = io.BytesIO()
    openpyxl.Workbook().save(file)
    return file.getvalue()


def test_a_file_is_what_it_contains_whatever_its_name_says() -> None:
    assert checked_upload(SimpleUploadedFile("a.csv", "编号,姓名\n1,安\n".encode()), {"csv"}, 1000) == "csv"
    assert checked_upload(SimpleUploadedFile("a.csv", "编号,姓名\n1,安\n".encode("gb18030")), {"csv"}, 1000) == "csv"
    assert checked_upload(SimpleUploadedFile("a.xlsx", workbook()), {"csv", "xlsx"}, 100_000) == "xlsx"
    assert checked_upload(SimpleUploadedFile("a.PNG", PNG), {"png"}, 1000) == "png"


@pytest.mark.parametrize(
    ("name", "content", "kinds", "why"),
    [
        ("a.csv", PNG, {"csv"}, "contains png"),
        ("a.png", b"<html><script>alert(1)</script>", {"png"}, "is no png"),
        ("a.xlsx", XLSX_HEAD + b"junk", {"xlsx"}, "is no xlsx"),
        ("a.exe", b"MZ" + b"\0" * 60, {"csv", "xlsx"}, "ends in"),
        ("a.csv", b"\0\1\2\3" * 20, {"csv"}, "is no csv"),
        ("a.csv", b"", {"csv"}, "empty"),
        ("a.csv", b"x" * 1001, {"csv"}, "larger"),
        ("../../etc/a.csv\0.png", b"a,b", {"csv"}, "ends in"),
    ],
)
def test_a_file_that_is_something_else_is_refused_with_the_reason(
    name: str, content: bytes, kinds: set[str], why: str
) -> None:
    with pytest.raises(TenureError, match=why):
        checked_upload(SimpleUploadedFile(name, content), kinds, 1000)


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "＝1", "  =1"])
def test_what_a_spreadsheet_would_calculate_leaves_as_text(value: str) -> None:
    assert harmless(value).startswith("'")


def test_a_page_is_kept_by_no_cache_and_asks_for_no_device(sign_in: SignIn) -> None:
    answer = sign_in("dee").get("/")

    assert {"private", "no-store"} <= set(answer.headers["Cache-Control"].split(", "))
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
