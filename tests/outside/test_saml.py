"""Signing in by SAML: the identity provider is pysaml2's, the application is served in a process of its own."""

from __future__ import annotations

import base64
import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.outside.test_sign_in import Browser
from tests.running import PASSWORD, serving, tenure

pytestmark = pytest.mark.saml

EMAIL = "urn:oid:0.9.2342.19200300.100.1.3"


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256())
    )  # fmt: skip
    private, public = folder / f"{name}.key", folder / f"{name}.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return private, public


@dataclass
class Directory:
    """A company's identity provider, and the application it sends people to."""

    address: str
    folder: Path

    def provider(self, signer: str = "provider") -> Any:
        from saml2 import BINDING_HTTP_REDIRECT
        from saml2.config import IdPConfig
        from saml2.server import Server

        metadata = requests.get(f"{self.address}/account/by/saml/directory/metadata/", timeout=30).text
        config = {
            "entityid": "https://directory.example/idp",
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "key_file": str(self.folder / f"{signer}.key"),
            "cert_file": str(self.folder / f"{signer}.pem"),
            "metadata": {"inline": [metadata]},
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": [("https://directory.example/sso", BINDING_HTTP_REDIRECT)]},
                    "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": None}},
                }
            },
        }
        return Server(config=IdPConfig().load(config))

    def answer(self, asked: str, who: str, signer: str = "provider", weak: bool = False) -> dict[str, str]:
        """The form a browser carries back, for whoever the directory knows as `who`."""
        from saml2 import BINDING_HTTP_REDIRECT
        from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
        from saml2.xmldsig import DIGEST_SHA1, DIGEST_SHA256, SIG_RSA_SHA1, SIG_RSA_SHA256

        provider = self.provider(signer)
        sent = {name: values[0] for name, values in parse_qs(urlsplit(asked).query).items()}
        request = provider.parse_authn_request(sent["SAMLRequest"], BINDING_HTTP_REDIRECT)
        response = provider.create_authn_response(
            {"mail": [who]},
            userid=who,
            in_response_to=request.message.id,
            destination=f"{self.address}/account/by/saml/directory/back/",
            sp_entity_id=request.message.issuer.text,
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=f"id-of-{who}"),
            authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"},
            sign_assertion=True,
            sign_response=True,
            sign_alg=SIG_RSA_SHA1 if weak else SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA1 if weak else DIGEST_SHA256,
        )
        return {
            "SAMLResponse": base64.b64encode(str(response).encode()).decode(),
            "RelayState": sent.get("RelayState", ""),
        }


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    folder = tmp_path_factory.mktemp("directory")
    home = folder / "home"
    home.mkdir()
    for name in ("provider", "forger"):
        key_pair(folder, name)
    (home / "directory.pem").write_bytes((folder / "provider.pem").read_bytes())
    (home / "tenure.toml").write_text(
        '[[sign_in]]\nkind = "saml"\nid = "directory"\nname = "Directory"\ncertificate = "directory.pem"\n'
        'entity_id = "https://directory.example/idp"\nsso_url = "https://directory.example/sso"\n',
        encoding="utf-8",
    )
    tenure(home, "user", "add", "ann", "--email", "ann@example.com", TENURE_PASSWORD=PASSWORD)
    with serving(home) as address:
        yield Directory(address, folder)


def bring(browser: Browser, form: dict[str, str]) -> requests.Response:
    return browser.post(browser.address + "/account/by/saml/directory/back/", form)


def test_whom_the_directory_vouches_for_comes_into_the_account_with_that_address(directory: Directory) -> None:
    browser = Browser(directory.address)

    bring(browser, directory.answer(browser.go_to("saml/directory"), "ann@example.com"))

    assert browser.is_in


def test_an_address_without_an_account_makes_none(directory: Directory) -> None:
    browser = Browser(directory.address)

    answer = bring(browser, directory.answer(browser.go_to("saml/directory"), "nobody@example.com"))

    assert answer.status_code == 403
    assert "No account here" in answer.text


def test_an_answer_forged_changed_replayed_or_not_asked_for_opens_nothing(directory: Directory) -> None:
    browser = Browser(directory.address)
    good = directory.answer(browser.go_to("saml/directory"), "ann@example.com")
    text = base64.b64decode(good["SAMLResponse"]).decode()
    changed = re.sub("ann@example.com", "bob@example.com", text)
    unsigned = re.sub(r"<(\w+:)?Signature .*?</(\w+:)?Signature>", "", text, flags=re.DOTALL)
    wrong = {
        "forged": directory.answer(Browser(directory.address).go_to("saml/directory"), "ann@example.com", "forger"),
        "signed by SHA-1": directory.answer(browser.go_to("saml/directory"), "ann@example.com", weak=True),
        "changed": {"SAMLResponse": base64.b64encode(changed.encode()).decode()},
        "unsigned": {"SAMLResponse": base64.b64encode(unsigned.encode()).decode()},
        "cut short": {"SAMLResponse": good["SAMLResponse"][:400]},
        "empty": {},
    }

    for why, form in wrong.items():
        assert bring(browser, form).status_code == 401, why
    stranger = Browser(directory.address)
    assert bring(stranger, good).status_code == 401
    assert not stranger.is_in
    bring(browser, good)
    assert browser.is_in
    assert bring(Browser(directory.address), good).status_code == 401
