import pytest

from tests.web.conftest import SignIn

PATHS = ["/", "/today/numbers/", "/customers/", "/customers/1/", "/insight/", "/insight/stages/", "/insight/value/",
         "/insight/cohorts/", "/insight/campaigns/", "/insight/model/", "/data/", "/governance/user/",
         "/governance/user/add/", "/governance/team/", "/governance/auditentry/", "/password_change/"]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_opens_in_both_languages(sign_in: SignIn, path: str, language: str) -> None:
    response = sign_in("dee").get(path, headers={"accept-language": language})

    assert response.status_code == 200
    assert response.headers["Content-Language"] == language
