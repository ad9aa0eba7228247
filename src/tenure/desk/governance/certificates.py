"""What an erasure leaves in the hand: what was done, where and when, what remains and until when, signed."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from tenure.contracts import CONTRACTS
from tenure.desk.governance.models import SubjectRequest
from tenure.errors import TenureError
from tenure.keyring import keyring
from tenure.language import Words, tr

WHAT = "tenure certificate of erasure"

REMAINS: Mapping[str, Words] = {
    "backups": Words(
        "Backups made before hold the person's data until they are deleted; a restore must be followed by this erasure "
        "once more.",
        "此前的备份在到期删除前仍含其数据；如恢复备份，须再次执行本次删除。",
    ),
    "facts": Words(
        "Orders, payments and other events stay as facts of nobody: without number, name or free text.",
        "订单、付款等事实以无主形式保留：不含客户编号、姓名与自由文本。",
    ),
    "digests": Words(
        "A keyed digest of each customer number, so that the same number is not received again.",
        "各客户编号的带密钥摘要，用于阻止同一编号再次入库。",
    ),
    "consents": Words(
        "What was agreed to or refused and when, under a number that leads to nobody; the evidence is unreadable.",
        "同意或拒绝的事项与时间，所属编号已不指向任何人；凭证已不可读取。",
    ),
    "audit": Words(
        "That things were done about this number, and when; personal details in it are unreadable.",
        "曾对该编号进行处理的时间与事项；其中的个人信息已不可读取。",
    ),
    "sources": Words(
        "The systems and files the data came from are not reached from here.",
        "数据来源系统与原始文件不在本系统范围内。",
    ),
    "server_log": Words(
        "The database server's own archived log, as long as its backups.", "数据库服务器归档的日志，与其备份同期到期。"
    ),
}


COUNTED: Mapping[str, Words] = {
    "files": Words("files", "文件"),
    "rows": Words("rows", "行"),
    "numbers": Words("numbers", "编号"),
    "keys": Words("keys", "密钥"),
    "left": Words("left", "残留"),
    "card": Words("card", "卡片"),
    "views": Words("saved lists", "已存列表"),
    "consents": Words("consent entries", "授权记录"),
    "links": Words("links", "链接"),
    "figures": Words("scores", "评分"),
    "fields": Words("fields", "字段"),
}
"""What the counts of a step count; a contract's name counts rows received under it."""


def counted(counts: Mapping[str, int]) -> list[tuple[Words, int]]:
    """The counts of a step with their words."""
    known = {name: contract.words for name, contract in CONTRACTS.items()} | dict(COUNTED)
    return [(known.get(what, Words(what, what)), number) for what, number in counts.items()]


def certificate_of(request: SubjectRequest, steps: Sequence[str], *, company: str) -> dict[str, Any]:
    """The certificate of a request whose steps are all finished, with its digest and signature."""
    assert request.done_at is not None
    assert request.started_at is not None
    until = (request.done_at + timedelta(days=settings.TENURE_BACKUP_DAYS)).astimezone(UTC).date().isoformat()
    remains: dict[str, str | None] = {
        "backups": until,
        "digests": None,
        "consents": None,
        "audit": None,
        "sources": None,
    }
    if request.kind == "anonymise":
        remains["facts"] = None
    if connection.vendor == "postgresql":
        remains["server_log"] = until
    content = {
        "what": WHAT,
        "version": 1,
        "company": company,
        "request": request.pk,
        "kind": request.kind,
        "person": request.person_id,
        "received_at": _at(request.received_at),
        "started_at": _at(request.started_at),
        "done_at": _at(request.done_at),
        "done_by": request.done_by.username if request.done_by else None,
        "done": [{"step": name, **request.steps[name]} for name in steps],
        "remains": [{"what": name, "until": ends} for name, ends in remains.items()],
        "key": keyring().current,
    }
    digest = _digest(content)
    signature = keyring().mac("certificate", bytes.fromhex(digest), under=str(content["key"])).hex()
    return {**content, "digest": digest, "signature": signature}


def verify_certificate(text: str) -> dict[str, Any]:
    """The certificate, if it is whole and ours. Raises TenureError, saying what is wrong with it, where it is not."""
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or found.get("what") != WHAT:
            raise ValueError
        content = {name: value for name, value in found.items() if name not in {"digest", "signature"}}
        digest, signature = bytes.fromhex(found["digest"]), bytes.fromhex(found["signature"])
        key = str(found["key"])
    except (ValueError, KeyError, TypeError) as error:
        raise TenureError(
            tr("This is no certificate of Tenure. Give the file that was downloaded with the certificate.")
        ) from error
    if _digest(content) != found["digest"]:
        raise TenureError(tr("The certificate was changed after it was signed: its text does not fit its digest."))
    if not hmac.compare_digest(keyring().mac("certificate", digest, under=key), signature):
        raise TenureError(tr("The certificate was not signed by this workspace: its signature does not fit."))
    return found


def as_text(certificate: Mapping[str, Any]) -> str:
    """The certificate as the file that is handed over."""
    return json.dumps(certificate, ensure_ascii=False, indent=1, sort_keys=True)


def _digest(content: Mapping[str, Any]) -> str:
    plain = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _at(instant: Any) -> str:
    text: str = instant.astimezone(UTC).isoformat(timespec="seconds")
    return text
