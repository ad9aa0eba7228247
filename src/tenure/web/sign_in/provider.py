"""Sign-in at China's workplaces: DingTalk, Feishu and WeChat as allauth has them, with what it lacks; and WeCom.

allauth finds this file by its name. Each reads `server` from its table where a company's own or a regional deployment
answers elsewhere (Lark's Feishu, a private DingTalk). No answer of a provider is repeated in an error: it holds tokens.
"""

from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.base import ProviderAccount
from allauth.socialaccount.providers.dingtalk.provider import DingTalkProvider
from allauth.socialaccount.providers.dingtalk.views import DingTalkOAuth2Adapter
from allauth.socialaccount.providers.feishu.client import FeishuOAuth2Client
from allauth.socialaccount.providers.feishu.provider import FeishuProvider
from allauth.socialaccount.providers.feishu.views import FeishuOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from allauth.socialaccount.providers.weixin.client import WeixinOAuth2Client
from allauth.socialaccount.providers.weixin.provider import WeixinProvider
from allauth.socialaccount.providers.weixin.views import WeixinOAuth2Adapter
from django.http import HttpRequest

Answer = dict[str, Any]


def asked(method: str, url: str, **sent: Any) -> Answer:
    """What a provider's interface answers, as JSON. Raises OAuth2Error where it refuses or answers something else."""
    with get_adapter().get_requests_session() as session:
        response = session.request(method, url, allow_redirects=False, **sent)
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if response.status_code != 200 or not isinstance(answer, dict):
        raise OAuth2Error(f"{urlsplit(url).hostname} answered {response.status_code}")
    code = answer.get("errcode", answer.get("code", 0))
    if code not in (0, "0"):
        raise OAuth2Error(f"{urlsplit(url).hostname} answered code {code}")
    return answer


class Elsewhere:
    """An adapter whose addresses move to the `server` of its table, where there is one."""

    def at(self, url: str) -> str:
        server: str = self.get_provider().app.settings.get("server", "")  # type: ignore[attr-defined]
        parts = urlsplit(url)
        return server + parts.path if server else url


class DingTalkAdapter(Elsewhere, DingTalkOAuth2Adapter):  # type: ignore[misc]
    @property
    def access_token_url(self) -> str:
        return self.at(DingTalkOAuth2Adapter.access_token_url)

    @property
    def authorize_url(self) -> str:
        return self.at(DingTalkOAuth2Adapter.authorize_url)

    @property
    def profile_url(self) -> str:
        return self.at(DingTalkOAuth2Adapter.profile_url)


class DingTalk(DingTalkProvider):  # type: ignore[misc]
    oauth2_adapter_class = DingTalkAdapter

    def get_auth_params(self) -> Answer:
        return {"prompt": "consent", **super().get_auth_params()}


class FeishuClient(FeishuOAuth2Client):  # type: ignore[misc]
    def app_access_token(self) -> str:
        """The application's own token, asked for in JSON as Feishu documents it."""
        own = {"app_id": self.consumer_key, "app_secret": self.consumer_secret}
        return str(asked("POST", self.app_access_token_url, json=own)["app_access_token"])


class FeishuAdapter(Elsewhere, FeishuOAuth2Adapter):  # type: ignore[misc]
    @property
    def authorize_url(self) -> str:
        return self.at(FeishuOAuth2Adapter.authorization_url)

    @property
    def access_token_url(self) -> str:
        return self.at(FeishuOAuth2Adapter.access_token_url)

    @property
    def user_info_url(self) -> str:
        return self.at(FeishuOAuth2Adapter.user_info_url)

    def get_client(self, request: HttpRequest, app: Any) -> FeishuClient:
        client = FeishuClient(
            request, app.client_id, app.secret, "POST", self.access_token_url, self.get_callback_url(request, app)
        )
        client.app_access_token_url = self.at(FeishuOAuth2Adapter.app_access_token_url)
        return client


class Feishu(FeishuProvider):  # type: ignore[misc]
    oauth2_adapter_class = FeishuAdapter


class WeChatAdapter(Elsewhere, WeixinOAuth2Adapter):  # type: ignore[misc]
    client_class = WeixinOAuth2Client
    access_token_method = "GET"

    @property
    def authorize_url(self) -> str:
        return self.at("https://open.weixin.qq.com/connect/qrconnect")

    @property
    def access_token_url(self) -> str:
        return self.at(WeixinOAuth2Adapter.access_token_url)

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        asking = {"access_token": token.token, "openid": kwargs["response"].get("openid")}
        told = asked("GET", self.at(WeixinOAuth2Adapter.profile_url), params=asking)
        return self.get_provider().sociallogin_from_response(request, told)


class WeChat(WeixinProvider):  # type: ignore[misc]
    oauth2_adapter_class = WeChatAdapter


class WeComClient(OAuth2Client):  # type: ignore[misc]
    """WeCom's sign-in by QR code. The token is the application's own; the code is then exchanged for the member."""

    agent_id = ""

    def get_redirect_url(self, authorization_url: str, scope: Any, extra_params: Answer) -> str:
        asking = {
            "login_type": "CorpApp",
            "appid": self.consumer_key,
            "agentid": self.agent_id,
            "redirect_uri": self.callback_url,
            "state": self.state,
        }
        return f"{authorization_url}?{urlencode(asking)}"

    def get_access_token(self, code: str, pkce_code_verifier: Any = None, extra_data: Any = None) -> Answer:
        own = {"corpid": self.consumer_key, "corpsecret": self.consumer_secret}
        return asked("GET", self.access_token_url, params=own) | {"code": code}


class WeComAdapter(Elsewhere, OAuth2Adapter):  # type: ignore[misc]
    provider_id = "wecom"

    @property
    def authorize_url(self) -> str:
        return self.at("https://login.work.weixin.qq.com/wwlogin/sso/login")

    @property
    def access_token_url(self) -> str:
        return self.at("https://qyapi.weixin.qq.com/cgi-bin/gettoken")

    def get_client(self, request: HttpRequest, app: Any) -> WeComClient:
        client = WeComClient(
            request, app.client_id, app.secret, "GET", self.access_token_url, self.get_callback_url(request, app)
        )
        client.agent_id = app.settings["agent_id"]
        return client

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Who the code stands for. A member has a userid; a visitor from outside has none, and does not come in."""
        asking = {"access_token": token.token, "code": kwargs["response"]["code"]}
        told = asked("GET", self.at("https://qyapi.weixin.qq.com/cgi-bin/auth/getuserinfo"), params=asking)
        if not told.get("userid"):
            raise OAuth2Error("not a member of the company in WeCom")
        return self.get_provider().sociallogin_from_response(request, {"userid": str(told["userid"])})


class WeComAccount(ProviderAccount):  # type: ignore[misc]
    pass


class WeCom(OAuth2Provider):  # type: ignore[misc]
    id = "wecom"
    name = "WeCom"
    account_class = WeComAccount
    oauth2_adapter_class = WeComAdapter

    def extract_uid(self, data: Answer) -> str:
        # A userid is unique within one company, whatever its case.
        return f"{self.app.client_id}:{data['userid'].lower()}"

    def extract_common_fields(self, data: Answer) -> Answer:
        return {"username": data["userid"], "name": data["userid"]}


workplaces: list[Any] = [DingTalk, Feishu, WeChat, WeCom]
provider_classes = workplaces  # the name allauth looks for
