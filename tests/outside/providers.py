"""Small stand-ins for the workplaces' sign-in servers, answering as their documentation says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "the-client", "the-client-secret-of-a-workplace"


@dataclass
class Workplace:
    """Who is signed in there, and what was asked of it."""

    address: str = ""
    member: str | None = "ann-at-work"
    asked: list[str] = field(default_factory=list)


@contextmanager
def workplace() -> Iterator[Workplace]:
    """DingTalk, Feishu, WeChat and WeCom in one server; whoever arrives is `member`."""
    here = Workplace()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = json.loads(body) if "json" in self.headers.get("Content-Type", "") else {}
            self._answer(sent)

        def _answer(self, sent: dict[str, Any]) -> None:
            parts = urlsplit(self.path)
            here.asked.append(parts.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            answer = answers(here, parts.path, query, sent, self.headers)
            if isinstance(answer, str):
                self.send_response(302)
                self.send_header("Location", answer)
                self.end_headers()
                return
            self.send_response(200 if answer is not None else 400)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.end_headers()
            self.wfile.write(json.dumps(answer or {"code": "invalid"}, ensure_ascii=False).encode())

        def log_message(self, *_arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def answers(here: Workplace, path: str, query: dict[str, str], sent: dict[str, Any], headers: Any) -> Any:
    """The answer to one request: an address to be sent on to, JSON, or None where the request is not as documented."""
    back = query.get("redirect_uri", "")
    state = query.get("state", "")
    if path == "/oauth2/auth":  # DingTalk
        fits = query["client_id"] == CLIENT and query["response_type"] == "code" and query["prompt"] == "consent"
        return back + "?" + urlencode({"authCode": "the-code", "state": state}) if fits else None
    if path == "/v1.0/oauth2/userAccessToken":
        own = {"clientId": CLIENT, "clientSecret": SECRET, "code": "the-code", "grantType": "authorization_code"}
        return {"accessToken": "the-token", "refreshToken": "again", "expireIn": 7200} if sent == own else None
    if path == "/v1.0/contact/users/me":
        fits = headers["x-acs-dingtalk-access-token"] == "the-token"
        return {"nick": "安", "openId": here.member, "unionId": "u"} if fits else None
    if path == "/open-apis/authen/v1/index":  # Feishu
        return back + "?" + urlencode({"code": "the-code", "state": state}) if query["app_id"] == CLIENT else None
    if path == "/open-apis/auth/v3/app_access_token/internal/":
        fits = sent == {"app_id": CLIENT, "app_secret": SECRET}
        return {"code": 0, "msg": "ok", "app_access_token": "the-app-token", "expire": 7200} if fits else None
    if path == "/open-apis/authen/v1/access_token":
        fits = sent["app_access_token"] == "the-app-token" and sent["code"] == "the-code"
        return {"code": 0, "data": {"access_token": "the-token", "expires_in": 6900}} if fits else None
    if path == "/open-apis/authen/v1/user_info":
        fits = headers["Authorization"] == "Bearer the-token"
        return {"code": 0, "data": {"name": "安", "open_id": here.member}} if fits else None
    if path == "/connect/qrconnect":  # WeChat
        fits = query["appid"] == CLIENT and query["scope"] == "snsapi_login"
        return back + "?" + urlencode({"code": "the-code", "state": state}) if fits else None
    if path == "/sns/oauth2/access_token":
        own = {"appid": CLIENT, "secret": SECRET, "code": "the-code", "grant_type": "authorization_code"}
        if query != own:
            return {"errcode": 40029, "errmsg": "invalid code"}
        return {"access_token": "the-token", "expires_in": 7200, "openid": here.member, "scope": "snsapi_login"}
    if path == "/sns/userinfo":
        fits = query == {"access_token": "the-token", "openid": here.member}
        return {"openid": here.member, "nickname": "安"} if fits else {"errcode": 40003, "errmsg": "invalid openid"}
    if path == "/wwlogin/sso/login":  # WeCom
        fits = query["appid"] == CLIENT and query["agentid"] == "1000002" and query["login_type"] == "CorpApp"
        return back + "?" + urlencode({"code": "the-code", "state": state}) if fits else None
    if path == "/cgi-bin/gettoken":
        fits = query == {"corpid": CLIENT, "corpsecret": SECRET}
        if not fits:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        return {"errcode": 0, "errmsg": "ok", "access_token": "the-token", "expires_in": 7200}
    if path == "/cgi-bin/auth/getuserinfo":
        if query != {"access_token": "the-token", "code": "the-code"}:
            return {"errcode": 40029, "errmsg": "invalid code"}
        if here.member is None:
            return {"errcode": 0, "errmsg": "ok", "openid": "a-visitor", "external_userid": "wm1"}
        return {"errcode": 0, "errmsg": "ok", "userid": here.member, "user_ticket": "t"}
    return None
