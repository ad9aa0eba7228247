"""The [[sign_in]] tables of tenure.toml, and what is said of a wrong one."""

from pathlib import Path

import pytest

from tenure import settings, sign_in
from tenure.errors import TenureError
from tenure.workspace import open_workspace

OIDC = 'kind = "oidc"\nid = "company"\nserver = "https://id.example.com"\nclient_id = "tenure"\nsecret_env = "SSO_SECRET"\n'


def written(folder: Path, *tables: str, top: str = "") -> Path:
    text = top + "".join(f"[[sign_in]]\n{table}" for table in tables)
    (folder / "tenure.toml").write_text(text, encoding="utf-8")
    return folder


def test_each_kind_is_read(tmp_path: Path) -> None:
    wecom = 'kind = "wecom"\nclient_id = "ww1"\nagent_id = 1000002\nsecret_env = "W"\n'
    saml = 'kind = "saml"\nid = "dir"\nmetadata = "https://d.example/m"\nentity_id = "https://d.example/idp"\n'
    others = [f'kind = "{kind}"\nclient_id = "c"\nsecret_env = "S"\n' for kind in ("dingtalk", "feishu", "wechat")]

    found = open_workspace(written(tmp_path, OIDC, wecom, saml, *others)).providers

    assert [one.id for one in found] == ["company", "wecom", "dir", "dingtalk", "feishu", "wechat"]
    assert (found[1].agent_id, found[2].trust_email, found[0].trust_email) == ("1000002", True, False)
    assert found[1].title == "WeCom"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (OIDC.replace("oidc", "myspace"), r'kind is "myspace"\. Known kinds are: oidc, saml'),
        (OIDC.replace("server", "sever"), r"has no setting sever"),
        (OIDC.replace('client_id = "tenure"\n', ""), r"needs client_id"),
        (OIDC.replace('id = "company"', 'id = "Our Company"'), r"small letters, digits and dashes"),
        (OIDC.replace("https://", "http://"), r"begins with https://"),
        (OIDC.replace('server = "https://id.example.com"', 'server = "id.example.com"'), r"begins with https://"),
        (OIDC.replace('"SSO_SECRET"', '"p4ssw0rd-of-the-provider"'), r"name of an environment variable"),
        (OIDC + 'client_secret = "x"\n', r"secret does not belong in this file"),
        (OIDC + 'trust_email = "yes"\n', r"true or false, without quotes"),
        ('kind = "saml"\nid = "d"\n', r"needs either metadata"),
        ('kind = "saml"\nid = "d"\nmetadata = "https://d.example/m"\n', r"entity_id"),
        ('kind = "saml"\nid = "d"\nentity_id = "e"\n', r"entity_id, sso_url and certificate together"),
    ],
)
def test_a_wrong_table_is_refused_with_where_it_stands_and_what_to_do(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(TenureError, match=said) as refused:
        open_workspace(written(tmp_path, table))

    assert "[[sign_in]] number 1" in str(refused.value)
    assert "p4ssw0rd" not in str(refused.value)


def test_two_tables_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TenureError, match='called "company"'):
        open_workspace(written(tmp_path, OIDC, OIDC))


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TenureError, match=r"begin with \[\[sign_in\]\]"):
        open_workspace(written(tmp_path, top='sign_in = "oidc"\n'))


def test_a_secret_that_is_not_in_the_environment_is_asked_for_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    providers = open_workspace(written(tmp_path, OIDC)).providers
    monkeypatch.delenv("SSO_SECRET", raising=False)

    with pytest.raises(TenureError, match=r"environment variable SSO_SECRET, which is not set"):
        settings.provider_settings(providers)
    monkeypatch.setenv("SSO_SECRET", "very-secret")
    made = settings.provider_settings(providers)
    assert made["openid_connect"]["APPS"][0]["secret"] == "very-secret"
    assert "very-secret" not in repr(sign_in.with_secret(providers[0]))


def test_saml_without_its_libraries_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saml = 'kind = "saml"\nid = "dir"\nmetadata = "https://d.example/m"\nentity_id = "https://d.example/idp"\n'
    providers = open_workspace(written(tmp_path, saml)).providers
    monkeypatch.setattr("tenure.settings.importlib.util.find_spec", lambda name: None)

    with pytest.raises(TenureError, match=r"pip install tenure\[saml\]"):
        settings.provider_settings(providers)


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    saml = 'kind = "saml"\nid = "d"\nentity_id = "e"\nsso_url = "https://d.example/sso"\ncertificate = "none.pem"\n'
    providers = open_workspace(written(tmp_path, saml)).providers

    with pytest.raises(TenureError, match=r"none\.pem"):
        settings.provider_settings(providers)


@pytest.mark.parametrize(
    ("line", "roles"),
    [('"optional"', ()), ('"required"', ("*",)), ('["admin", "manager"]', ("admin", "manager"))],
)
def test_who_must_have_a_second_factor_is_read(tmp_path: Path, line: str, roles: tuple[str, ...]) -> None:
    assert open_workspace(written(tmp_path, top=f"second_factor = {line}\n")).second_factor == roles


def test_another_word_for_the_second_factor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TenureError, match=r'Give "optional", "required", or a list of roles'):
        open_workspace(written(tmp_path, top="second_factor = true\n"))


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://u:p%40ss@mail.example", 587, True, False),
        ("smtps://u:p%40ss@mail.example", 465, False, True),
        ("smtp://u:p%40ss@127.0.0.1:2525", 2525, False, False),
    ],
)
def test_the_mail_servers_address_is_read_and_mail_leaves_the_machine_only_through_tls(
    url: str, port: int, tls: bool, ssl: bool
) -> None:
    found = settings.mail_settings(url, "crm@example.com")

    assert (found["EMAIL_PORT"], found["EMAIL_USE_TLS"], found["EMAIL_USE_SSL"]) == (port, tls, ssl)
    assert (found["EMAIL_HOST_PASSWORD"], found["DEFAULT_FROM_EMAIL"]) == ("p@ss", "crm@example.com")


def test_a_mail_server_of_another_kind_is_refused() -> None:
    with pytest.raises(TenureError, match=r"smtp://user:password@host:587"):
        settings.mail_settings("imap://mail.example", "")


def test_without_a_mail_server_no_mail_is_sent() -> None:
    assert "dummy" in settings.mail_settings("", "")["EMAIL_BACKEND"]
