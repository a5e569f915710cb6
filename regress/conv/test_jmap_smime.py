# SPDX-License-Identifier: ISC
"""RFC 9219: S/MIME signatures are verified, and what is wrong is told."""

import base64
import datetime
import os
import pathlib
import subprocess
import tempfile
import time

import pytest

import helpers
from helpers import CORE, MAIL, MethodError, message

SMIME = "urn:ietf:params:jmap:smimeverify"
USING = (CORE, MAIL, SMIME)
PROPS = ["smimeStatus", "smimeStatusAtDelivery", "smimeErrors",
         "smimeVerifiedAt"]
BODY = b"Content-Type: text/plain\r\n\r\nSigned, sealed.\r\n"


def openssl(*args, **kw):
    return subprocess.run(["openssl", *map(str, args)], check=True,
                          capture_output=True, **kw).stdout


class Authority:
    """A CA, and certificates of signers."""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.pem = self.dir / "smime-ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "9",
                "-subj", "/CN=Test S-MIME CA", "-keyout", self.dir / "ca.key",
                "-out", self.pem)

    def signer(self, name, address, days=3, self_signed=False):
        base = self.dir / name
        openssl("req", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-keyout", f"{base}.key", "-out",
                f"{base}.csr")
        ext = pathlib.Path(f"{base}.ext")
        ext.write_text(f"subjectAltName=email:{address}\n"
                       "keyUsage=digitalSignature\n"
                       "extendedKeyUsage=emailProtection\n")
        ca = ["-signkey", f"{base}.key"] if self_signed else \
            ["-CA", self.pem, "-CAkey", self.dir / "ca.key", "-set_serial",
             str(abs(hash(name)) % 10**9 + 1)]
        openssl("x509", "-req", "-in", f"{base}.csr", *ca, "-days", days,
                "-extfile", ext, "-out", f"{base}.pem")
        return base

    def sign(self, who, sender, *options, body=BODY):
        signed = openssl("cms", "-sign", "-binary", "-signer", f"{who}.pem",
                         "-inkey", f"{who}.key", *options, input=body)
        signed = signed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return (f"From: {sender}\r\nTo: you@mail.test\r\nSubject: signed\r\n"
                "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n").encode() + signed


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("smime"))


@pytest.fixture(scope="module")
def trusting(ca):
    with tempfile.NamedTemporaryFile(suffix=".pem") as f:
        f.write(ca.pem.read_bytes())
        f.flush()
        os.chmod(f.name, 0o644)         # the server is nobody
        s = helpers.Server(f'smime {{ trust-anchor = "{f.name}" }}\n')
        yield s
        s.remove()


@pytest.fixture(scope="module")
def ann(ca):
    return ca.signer("ann", "ann@example.org")


@pytest.fixture
def user(trusting):
    return trusting.adduser()


def call(account, name, args, using=USING):
    got = account.request([[name, {"accountId": account.id, **args}, "0"]],
                          using=using)["methodResponses"][0]
    if got[0] == "error":
        raise MethodError(got[1])
    return got[1]


def look(account, data, **kw):
    id = account.add_mail(data, **kw)
    got = call(account, "Email/get", {"ids": [id], "properties": PROPS})
    return id, got["list"][0]


def test_capability(account):
    assert account.session["capabilities"][SMIME] == {}
    assert account.session["accounts"][account.id][
        "accountCapabilities"][SMIME] == {}


@pytest.mark.parametrize("options", [(), ("-nodetach", "-outform", "SMIME")])
def test_good_signature(user, ca, ann, options):
    before = datetime.datetime.now(datetime.timezone.utc)
    _, got = look(user, ca.sign(ann, "Ann <ann@example.org>", *options))
    assert got["smimeStatus"] == "signed/verified", got
    assert got["smimeStatusAtDelivery"] == "signed/verified"
    assert got["smimeErrors"] is None
    at = datetime.datetime.fromisoformat(
        got["smimeVerifiedAt"].replace("Z", "+00:00"))
    assert abs((at - before).total_seconds()) < 60


def test_no_signature(user):
    _, got = look(user, message())
    assert [got[p] for p in PROPS] == [None] * 4


def test_another_protocol_is_unknown(user):
    _, got = look(user, (
        b"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/"
        b'signed; protocol="application/pgp-signature"; boundary=x\r\n\r\n'
        b"--x\r\n\r\nhi\r\n--x\r\nContent-Type: application/pgp-signature\r\n"
        b"\r\nabc\r\n--x--\r\n"))
    assert got["smimeStatus"] == got["smimeStatusAtDelivery"] == "unknown"
    assert got["smimeErrors"] is None and got["smimeVerifiedAt"] is None


@pytest.mark.parametrize("kind, args", [
    ("enveloped-data", ("cms", "-encrypt", "-aes256", "-pwri_password", "x",
                        "-outform", "DER")),
    ("certs-only", ("crl2pkcs7", "-nocrl", "-outform", "DER"))])
def test_what_is_not_signed_has_not_failed(user, ann, kind, args):
    """An encrypted mail, or certificates: RFC 9219 4.1, unknown."""
    if kind == "certs-only":
        args += ("-certfile", f"{ann}.pem")
    der = openssl(*args, input=BODY)
    _, got = look(user, (
        b"From: a@b.example\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: application/pkcs7-mime; smime-type=" +
        kind.encode() + b"; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" +
        base64.encodebytes(der).replace(b"\n", b"\r\n")))
    assert got["smimeStatus"] == got["smimeStatusAtDelivery"] == "unknown"
    assert got["smimeErrors"] is None and got["smimeVerifiedAt"] is None


def failed(got, *words):
    assert got["smimeStatus"] == "signed/failed"
    assert got["smimeVerifiedAt"]
    for w in words:
        assert any(w in e for e in got["smimeErrors"]), got["smimeErrors"]
    assert len(got["smimeErrors"]) == len(words)


def test_changed_text(user, ca, ann):
    data = ca.sign(ann, "ann@example.org").replace(b"sealed", b"stolen")
    _, got = look(user, data)
    failed(got, "not of this message")


def test_signed_by_somebody_else(user, ca, ann):
    _, got = look(user, ca.sign(ann, "boss@example.org"))
    failed(got, "From address")


def test_nobody_vouches_for_the_signer(user, ca):
    eve = ca.signer("eve", "ann@example.org", self_signed=True)
    _, got = look(user, ca.sign(eve, "ann@example.org"))
    failed(got, "self-signed")


def test_all_that_is_wrong_is_told(user, ca):
    eve = ca.signer("eve2", "eve@example.org", self_signed=True)
    _, got = look(user, ca.sign(eve, "ann@example.org"))
    failed(got, "self-signed", "From address")


def test_certificate_that_was_not_good_yet_at_delivery(user, ca, ann):
    _, got = look(user, ca.sign(ann, "ann@example.org"),
                  received="2010-01-01T00:00:00Z")
    assert got["smimeStatus"] == "signed/verified"
    assert got["smimeStatusAtDelivery"] == "signed/failed"
    assert got["smimeErrors"] is None


@pytest.mark.parametrize("cut", [b"MII", b"AAA", b"\xff\xff\xff"])
def test_rubbish_for_a_signature(user, ca, ann, cut):
    data = ca.sign(ann, "ann@example.org")
    at = data.rindex(b"\r\n\r\nMII") + 4
    _, got = look(user, data[:at] + cut + data[at + 200:])
    assert got["smimeStatus"] in ("signed/failed", "unknown")


def test_nobody_is_trusted_without_anchors(account, ca, ann):
    _, got = look(account, ca.sign(ann, "ann@example.org"))
    failed(got, "local issuer", "first certificate")


def test_query(user, ca, ann):
    good, _ = look(user, ca.sign(ann, "ann@example.org"))
    late, _ = look(user, ca.sign(ann, "ann@example.org"),
                   received="2010-01-01T00:00:00Z")
    bad, _ = look(user, ca.sign(ann, "eve@example.org"))
    none, _ = look(user, message())
    for name, yes in (("hasSmime", {good, late, bad}),
                      ("hasVerifiedSmime", {good, late}),
                      ("hasVerifiedSmimeAtDelivery", {good})):
        for value in True, False:
            got = call(user, "Email/query", {"filter": {name: value}})["ids"]
            want = yes if value else {good, late, bad, none} - yes
            assert set(got) == want, (name, value)
    got = call(user, "Email/query", {"filter": {"operator": "NOT",
               "conditions": [{"hasSmime": True}]}})["ids"]
    assert got == [none]


def test_only_with_the_capability(user):
    id = user.add_mail(message())
    with pytest.raises(MethodError) as e:
        call(user, "Email/get", {"ids": [id], "properties": ["smimeStatus"]},
             using=(CORE, MAIL))
    assert e.value.type == "invalidArguments"
    with pytest.raises(MethodError) as e:
        call(user, "Email/query", {"filter": {"hasSmime": True}},
             using=(CORE, MAIL))
    assert e.value.type == "unsupportedFilter"
    got = call(user, "Email/get", {"ids": [id]})["list"][0]
    assert not set(PROPS) & set(got)        # only when asked for


def test_server_sets_them(user):
    got = call(user, "Email/set", {"create": {"e": {
        "mailboxIds": {user.mailbox(): True}, "smimeStatus": None}}})
    assert got["notCreated"]["e"]["type"] == "invalidProperties"
    assert got["notCreated"]["e"]["properties"] == ["smimeStatus"]


def test_a_certificate_that_was_revoked(new_server, ca, tmp_path):
    """RFC 9219 4.1: SHOULD be checked for revocation."""
    eve, bea = (ca.signer(n, f"{n}@example.org") for n in ("eve", "bea"))
    (tmp_path / "index").write_text("")
    (tmp_path / "conf").write_text(
        f"[ca]\ndefault_ca=x\n[x]\ndatabase={tmp_path}/index\n"
        "default_md=sha256\ndefault_crl_days=2\n")
    run = ("ca", "-config", tmp_path / "conf", "-cert", ca.pem, "-keyfile",
           ca.dir / "ca.key")
    time.sleep(1.1)
    came = datetime.datetime.now(datetime.timezone.utc)
    time.sleep(1.1)
    openssl(*run, "-revoke", f"{eve}.pem")
    with tempfile.NamedTemporaryFile(suffix=".pem") as f:
        f.write(ca.pem.read_bytes() + openssl(*run, "-gencrl"))
        f.flush()
        os.chmod(f.name, 0o644)
        user = new_server(
            f'smime {{ trust-anchor = "{f.name}" }}\n').adduser()
        got = look(user, ca.sign(bea, "bea@example.org"))[1]
        assert got["smimeStatus"] == "signed/verified", got
        got = look(user, ca.sign(eve, "eve@example.org"))[1]
        failed(got, "revoked")
        assert got["smimeStatusAtDelivery"] == "signed/failed"
        # it was good when it came
        got = look(user, ca.sign(eve, "eve@example.org"),
                   received=came.strftime("%Y-%m-%dT%H:%M:%SZ"))[1]
        failed(got, "revoked")
        assert got["smimeStatusAtDelivery"] == "signed/verified"


def test_file_that_is_not_there(new_server):
    with pytest.raises(RuntimeError) as e:
        new_server('smime { trust-anchor = "/nonexistent/ca.pem" }\n')
    assert "smime.trust-anchor" in str(e.value)
