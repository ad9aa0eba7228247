"""Who else may vouch for a person: the `[[sign_in]]` tables of tenure.toml, one for each provider.

```toml
[[sign_in]]
kind = "oidc"
name = "Company sign-in"
id = "company"
server = "https://id.example.com"
client_id = "tenure"
secret_env = "COMPANY_SIGN_IN_SECRET"
```
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tenure.errors import TenureError
from tenure.language import Words, tr


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of provider. needed, taken: fields of its table, besides kind and name. single: at most one table."""

    words: Words
    needed: tuple[str, ...]
    taken: tuple[str, ...] = ()
    single: bool = True
    secret: bool = True
    # Hosts a private or regional deployment moves elsewhere with `server`; the first is where people sign in.
    hosts: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "oidc": Kind(
        Words("OpenID Connect", "OpenID Connect"), ("id", "server", "client_id", "secret_env"), ("trust_email",),
        single=False,
    ),
    "saml": Kind(
        Words("SAML", "SAML"), ("id",), ("metadata", "entity_id", "sso_url", "certificate", "trust_email"),
        single=False, secret=False,
    ),
    "dingtalk": Kind(
        Words("DingTalk", "钉钉"), ("client_id", "secret_env"), ("server",),
        hosts=("https://login.dingtalk.com", "https://api.dingtalk.com"),
    ),
    "feishu": Kind(
        Words("Feishu", "飞书"), ("client_id", "secret_env"), ("server",), hosts=("https://open.feishu.cn",)
    ),
    "wechat": Kind(
        Words("WeChat", "微信"), ("client_id", "secret_env"), ("server",),
        hosts=("https://open.weixin.qq.com", "https://api.weixin.qq.com"),
    ),
    "wecom": Kind(
        Words("WeCom", "企业微信"), ("client_id", "agent_id", "secret_env"), ("server",),
        hosts=("https://login.work.weixin.qq.com", "https://qyapi.weixin.qq.com"),
    ),
}  # fmt: skip

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_LOCAL = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that people of this workspace may sign in with. The secret itself stays in the environment."""

    kind: str
    name: str
    id: str
    server: str = ""
    client_id: str = ""
    agent_id: str = ""
    secret_env: str = ""
    metadata: str = ""
    entity_id: str = ""
    sso_url: str = ""
    certificate: str = ""
    # Whether the provider's word for an e-mail address is enough where it does not say that it verified it.
    trust_email: bool = False
    secret: str = field(default="", repr=False)

    @property
    def title(self) -> str:
        """What the button says: the name given, else the kind's own, in the reader's language."""
        return self.name or str(KINDS[self.kind].words)


def read(tables: Any, *, path: Path) -> tuple[Provider, ...]:
    """The providers these tables name, checked. `path` is the file they stand in, for messages.

    Raises TenureError for a table that can't work: what was found, what was expected, what to do.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        raise TenureError(tr("{path}: write providers as tables that begin with [[sign_in]].", path=path))
    found: list[Provider] = []
    for number, table in enumerate(tables, start=1):
        provider = _provider(table, where=tr("{path}, [[sign_in]] number {number}", path=path, number=number))
        if any(other.id == provider.id for other in found):
            raise TenureError(
                tr(
                    '{path}: two [[sign_in]] tables are called "{id}". Give each an id of its own; '
                    "of dingtalk, feishu, wechat and wecom there can be one each.",
                    path=path,
                    id=provider.id,
                )
            )
        found.append(provider)
    return tuple(found)


def second_factor(value: Any, *, path: Path) -> tuple[str, ...]:
    """The roles that must have a second factor; ("*",) is every role.

    `second_factor` is "optional", "required", or a list of role names. Raises TenureError for anything else.
    """
    if value == "optional":
        return ()
    if value == "required":
        return ("*",)
    if isinstance(value, list) and all(isinstance(role, str) and role for role in value):
        return tuple(value)
    raise TenureError(
        tr(
            '{path}: second_factor is {found}. Give "optional", "required", or a list of roles such as ["admin"].',
            path=path,
            found=repr(value),
        )
    )


def with_secret(provider: Provider) -> Provider:
    """The provider with its secret out of the environment, for the process that talks to it.

    Raises TenureError where the variable is not set.
    """
    if not provider.secret_env:
        return provider
    secret = os.environ.get(provider.secret_env, "")
    if not secret:
        raise TenureError(
            tr(
                'Sign-in "{name}" reads its secret from the environment variable {variable}, which is not set. '
                "Set it for the server, or take the table out of tenure.toml.",
                name=provider.title,
                variable=provider.secret_env,
            )
        )
    return replace(provider, secret=secret)


def _provider(table: Any, *, where: str) -> Provider:
    if not isinstance(table, Mapping):
        raise TenureError(tr("{where}: this is not a table of settings.", where=where))
    kind = KINDS.get(str(table.get("kind", "")))
    if kind is None:
        raise TenureError(
            tr(
                '{where}: kind is "{found}". Known kinds are: {known}.',
                where=where,
                found=table.get("kind", ""),
                known=", ".join(KINDS),
            )
        )
    if "secret" in table or "client_secret" in table:
        raise TenureError(
            tr(
                "{where}: a secret does not belong in this file. Put it into an environment variable, "
                'and name that here: secret_env = "NAME_OF_THE_VARIABLE".',
                where=where,
            )
        )
    allowed = {"kind", "name", *kind.needed, *kind.taken}
    if unknown := sorted(set(table) - allowed):
        raise TenureError(
            tr(
                '{where}: a table of kind "{kind}" has no setting {unknown}. It may have: {known}.',
                where=where,
                kind=table["kind"],
                unknown=", ".join(unknown),
                known=", ".join(sorted(allowed)),
            )
        )
    if missing := [name for name in kind.needed if not table.get(name)]:
        raise TenureError(
            tr(
                '{where}: a table of kind "{kind}" needs {missing}.',
                where=where,
                kind=table["kind"],
                missing=", ".join(missing),
            )
        )
    values: dict[str, Any] = {key: value if isinstance(value, bool) else str(value) for key, value in table.items()}
    if not isinstance(values.get("trust_email", False), bool):
        raise TenureError(tr("{where}: trust_email is true or false, without quotes.", where=where))
    values.setdefault("id", values["kind"])
    values.setdefault("name", "")
    if kind is KINDS["saml"]:
        # No claim of SAML says that an address was verified: a company's own directory answers for its addresses.
        values.setdefault("trust_email", True)
    provider = Provider(**values)
    _check(provider, where=where)
    return provider


def _check(provider: Provider, *, where: str) -> None:
    if not _ID.fullmatch(provider.id):
        raise TenureError(
            tr(
                '{where}: id is "{found}". It becomes part of an address: give small letters, digits and dashes.',
                where=where,
                found=provider.id,
            )
        )
    if provider.secret_env and not _VARIABLE.fullmatch(provider.secret_env):
        raise TenureError(
            tr(
                "{where}: secret_env is the name of an environment variable, such as SIGN_IN_SECRET, "
                "never the secret itself.",
                where=where,
            )
        )
    for name in ("server", "metadata", "sso_url"):
        address = getattr(provider, name)
        parts = urlsplit(address)
        # Without TLS anybody on the way could sign in as anybody; on this machine there is nobody on the way.
        safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        if address and not (safe and parts.netloc):
            raise TenureError(
                tr(
                    '{where}: {name} is "{found}". Give an address that begins with https://',
                    where=where,
                    name=name,
                    found=address,
                )
            )
    if provider.kind == "saml":
        by_hand = [provider.entity_id, provider.sso_url, provider.certificate]
        if bool(provider.metadata) == any(by_hand) and not (provider.metadata and provider.entity_id):
            raise TenureError(
                tr(
                    "{where}: a table of kind saml needs either metadata (the address of the provider's metadata, "
                    "with its entity_id) or entity_id, sso_url and certificate (the path of a PEM file).",
                    where=where,
                )
            )
        if provider.metadata and not provider.entity_id:
            raise TenureError(tr("{where}: give the entity_id of the provider in its metadata.", where=where))
        if not provider.metadata and not all(by_hand):
            raise TenureError(tr("{where}: give entity_id, sso_url and certificate together.", where=where))
