# SPDX-License-Identifier: ISC
"""The TLS profile: versions, suites, groups, strict names, OCSP answers,
keys of tickets, and what is wrong when it is loaded.  The other end is
openssl s_client."""

import os
import pathlib
import re
import socket
import ssl
import subprocess
import time

import pytest

import helpers
from http_tools import Conn, get
from test_http_tls import LIVE, connect, context, make_cert, s_client


def with_certs(conf, names=("rsa",), more=""):
    """A server of one's own with further certificates, KIND.test."""
    s = helpers.Server(conf)
    text = pathlib.Path(s.dir, "jmapd.conf").read_text()
    for kind in names:
        base = make_cert(s, s.dir, f"{kind}.test", kind)
        text += (f'certificate {kind} {{\n\tchain = "{base}.pem"\n'
                 f'\tkey = "{base}.key"\n{more}}}\n')
    pathlib.Path(s.dir, "jmapd.conf").write_text(text)
    s.jmapctl("reload")
    return s


def suite(out):
    return re.search(r"Cipher is (\S+)", out).group(1)


@pytest.fixture(scope="module")
def strict():
    s = with_certs("""
tls {
	minimum = tls1.2
	ciphers = "DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_256_GCM_SHA384"
	groups = "P-384:X25519"
	sni-strict = true
	ticket-rotation = 2s
}
""")
    yield s
    s.remove()


def test_dhe_is_spoken_when_it_is_named(strict):
    dhe = "DHE-RSA-AES256-GCM-SHA384"
    out = s_client(strict, "-tls1_2", "-cipher", dhe, "-servername",
                   "rsa.test")
    assert suite(out) == dhe
    assert "Server Temp Key: DH, 2048 bits" in out
    out = s_client(strict, "-tls1_2", "-cipher",
                   "ECDHE-RSA-AES128-GCM-SHA256", "-servername", "rsa.test")
    assert suite(out) == "ECDHE-RSA-AES128-GCM-SHA256"
    out = s_client(strict, "-tls1_2", "-cipher",
                   "ECDHE-RSA-AES256-GCM-SHA384", "-servername", "rsa.test")
    assert suite(out) == "(NONE)"


def test_suites_of_tls_1_3_by_name(strict):
    out = s_client(strict, "-tls1_3", "-servername", "localhost")
    assert suite(out) == "TLS_AES_256_GCM_SHA384"
    out = s_client(strict, "-tls1_3", "-servername", "localhost",
                   "-ciphersuites", "TLS_AES_128_GCM_SHA256")
    assert suite(out) == "(NONE)"


def test_groups_are_the_ones_named(strict):
    for group, ok in (("P-384", True), ("X25519", True), ("P-256", False)):
        out = s_client(strict, "-tls1_3", "-servername", "localhost",
                       "-groups", group)
        assert (suite(out) != "(NONE)") == ok, out


def test_hybrid_group_where_the_library_has_it(server):
    lib = subprocess.run(["openssl", "list", "-kem-algorithms"],
                         capture_output=True, text=True).stdout
    group = "X25519MLKEM768" if "X25519MLKEM768" in lib else "X25519"
    out = s_client(server, "-tls1_3")
    assert group in out


def test_unknown_name_is_refused_in_strict_mode(strict):
    for version in ("-tls1_2", "-tls1_3"):
        out = s_client(strict, version, "-servername", "unknown.test")
        assert "unrecognized name" in out
        assert suite(out) == "(NONE)"
        # no name at all is no unknown name
        out = s_client(strict, "-tls1_3", "-noservername")
        assert suite(out) != "(NONE)"
        out = s_client(strict, version, "-servername", "rsa.test")
        assert suite(out) != "(NONE)"


def test_host_of_another_certificate_is_misdirected(strict):
    c = Conn(connect(strict, context(strict), name="rsa.test"))
    assert c.ask(get("/healthz/live", host="rsa.test")).status == 200
    assert c.ask(get("/healthz/live", host="localhost")).status == 421


def test_a_name_of_its_own_comes_before_a_wildcard(new_server):
    """However the configuration has them in order."""
    s = new_server()
    conf = pathlib.Path(s.dir, "jmapd.conf")
    text = conf.read_text()
    for i, name in enumerate(["*.wild.test", "own.wild.test"]):
        base = make_cert(s, s.dir, name)
        text += (f'certificate w{i} {{\n\tchain = "{base}.pem"\n'
                 f'\tkey = "{base}.key"\n}}\n')
    conf.write_text(text)
    s.jmapctl("reload")
    for asked, given in (("own.wild.test", "own.wild.test"),
                         ("other.wild.test", "*.wild.test")):
        out = s_client(s, "-tls1_3", "-servername", asked)
        assert f"subject=CN = {given}\n" in out


def test_no_common_protocol_is_an_alert(server):
    out = s_client(server, "-alpn", "ftp,smtp")
    assert "no application protocol" in out


def test_only_tls_1_3_if_so_said(new_server):
    s = new_server("tls {\n\tminimum = tls1.3\n}\n")
    assert suite(s_client(s, "-tls1_3")) != "(NONE)"
    out = s_client(s, "-tls1_2")
    assert suite(out) == "(NONE)" and "protocol version" in out


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_ticket_keys_rotate_and_end(strict, version):
    ctx = context(strict)
    ctx.minimum_version = ctx.maximum_version = version
    name = "rsa.test"

    def visit(session=None):
        s = connect(strict, ctx, name=name, session=session)
        assert Conn(s).ask(get("/healthz/live", host=name)).status == 200
        return s.session_reused, s.session
    first = visit()[1]
    assert visit(first)[0]
    began = time.monotonic()
    # previous for one rotation more, gone after the second
    while visit(first)[0]:
        assert time.monotonic() - began < 6
        time.sleep(0.3)
    assert time.monotonic() - began > 1.5
    fresh = visit()[1]
    assert visit(fresh)[0]


# --- OCSP ---------------------------------------------------------------------

def staple(s, base, *args, signer=None):
    """An OCSP answer of the scratch authority, as a DER file."""
    ca = pathlib.Path(s.dir, "tls")
    out = pathlib.Path(f"{base}.der")
    serial = subprocess.run(
        ["openssl", "x509", "-in", f"{base}.pem", "-noout", "-serial"],
        check=True, capture_output=True, text=True).stdout
    serial = serial.strip().split("=")[1]
    index = pathlib.Path(f"{base}.index")
    index.write_text(f"V\t491231235959Z\t\t{serial}\tunknown\t/CN=x\n")
    subprocess.run(
        ["openssl", "ocsp", "-index", str(index), "-CA", str(ca / "ca.pem"),
         "-issuer", str(ca / "ca.pem"), "-cert", f"{base}.pem", "-rsigner",
         f"{signer or ca / 'ca'}.pem", "-rkey",
         f"{signer or ca / 'ca'}.key", "-respout",
         str(out), "-noverify", *args], check=True, capture_output=True)
    os.chmod(out, 0o644)
    return out


def stapled(tmp, *args, about=None, by=None):
    s = helpers.Server()
    base = make_cert(s, s.dir, "ec.test", "ec")
    pem = pathlib.Path(f"{base}.pem")
    der = staple(s, about(s) if about else base, *args,
                 signer=by and by(s))
    pem.write_text(pem.read_text() +
                   pathlib.Path(s.dir, "tls", "ca.pem").read_text())
    conf = pathlib.Path(s.dir, "jmapd.conf")
    conf.write_text(conf.read_text() +
                    f'certificate ec {{\n\tchain = "{pem}"\n\tkey = '
                    f'"{base}.key"\n\tstaple = "{der}"\n}}\n')
    return s, s.jmapctl("reload", check=False)


def test_ocsp_answer_is_stapled(tmp_path):
    s, _ = stapled(tmp_path, "-ndays", "1")
    try:
        for version in ("-tls1_2", "-tls1_3"):
            out = s_client(s, version, "-status", "-servername", "ec.test")
            assert "OCSP Response Status: successful" in out
            assert "Cert Status: good" in out
            # not with another certificate
            out = s_client(s, version, "-status", "-servername", "localhost")
            assert "no response sent" in out
    finally:
        s.remove()


def test_ocsp_answer_that_never_ends_is_not_sent(tmp_path):
    s, _ = stapled(tmp_path)
    try:
        out = s_client(s, "-status", "-servername", "ec.test")
        assert "no response sent" in out
        assert suite(out) != "(NONE)"
        assert "next update" in s.log()
    finally:
        s.remove()


def test_ocsp_answer_about_another_is_not_sent(tmp_path):
    s, done = stapled(tmp_path, "-ndays", "1",
                      about=lambda s: make_cert(s, s.dir, "other.test"))
    try:
        assert "not about the certificate" in done.stdout + done.stderr + \
            s.log()
        out = s_client(s, "-status", "-servername", "ec.test")
        assert "no response sent" in out
    finally:
        s.remove()


@pytest.mark.parametrize("may", [True, False])
def test_ocsp_answer_of_another_signer(tmp_path, may):
    """A responder needs the authority's word that it is one."""
    def signer(s):
        base = make_cert(s, s.dir, "responder.test")
        ca = pathlib.Path(s.dir, "tls")
        ext = pathlib.Path(f"{base}.ext")
        ext.write_text("extendedKeyUsage = OCSPSigning\n" if may else
                       "extendedKeyUsage = serverAuth\n")
        subprocess.run(
            ["openssl", "req", "-new", "-key", f"{base}.key", "-subj",
             "/CN=responder", "-out", f"{base}.csr"], check=True)
        subprocess.run(
            ["openssl", "x509", "-req", "-in", f"{base}.csr", "-CA",
             str(ca / "ca.pem"), "-CAkey", str(ca / "ca.key"), "-extfile",
             str(ext), "-out", f"{base}.pem", "-days", "2",
             "-set_serial", "77"], check=True, capture_output=True)
        return base

    s, _ = stapled(tmp_path, "-ndays", "1", by=signer)
    try:
        out = s_client(s, "-status", "-servername", "ec.test")
        assert ("OCSP Response Status: successful" in out) == may
        assert ("not signed by who may" in s.log()) != may
    finally:
        s.remove()


# --- reload ---------------------------------------------------------------------

def test_reload_of_what_is_wrong_keeps_the_old(new_server):
    s = new_server()
    conf = pathlib.Path(s.dir, "jmapd.conf")
    good = conf.read_text()
    key = pathlib.Path(s.dir, "tls", "server.key")
    pem = key.read_text()

    def serial():
        der = connect(s, context(s)).getpeercert(True)
        return hash(der)
    was = serial()
    other = make_cert(s, s.dir, "other.test")

    def refused(word):
        done = s.jmapctl("reload", check=False)
        assert done.returncode != 0
        assert word in done.stdout + done.stderr
        assert serial() == was
        assert Conn(connect(s, context(s))).ask(LIVE).status == 200
    key.write_text(pathlib.Path(f"{other}.key").read_text())
    refused("is not the key of the chain's")
    key.write_text("nothing\n")
    refused("server.key")
    key.write_text(pem)
    conf.write_text(good + 'tls {\n\tgroups = "no-such"\n}\n')
    refused("tls.groups")
    conf.write_text(good + 'tls {\n\tciphers = "AES128-SHA"\n}\n')
    refused("tls.ciphers")
    conf.write_text(good)
    s.jmapctl("reload")
    assert serial() == was
