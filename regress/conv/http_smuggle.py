# SPDX-License-Identifier: ISC
"""Heads and bodies that two readers could understand in two ways, each with
the status of its refusal.  The classes are those that http-garden collected
from servers and proxies; the bytes are ours.  security.md 3.1.

(name, bytes, status).  H stands for a Host line.  Each is followed on the
wire by a second, valid request that must never be answered."""

H = b"Host: localhost\r\n"
GET = b"GET /healthz/live HTTP/1.1\r\n"
POST = b"POST /jmap/ HTTP/1.1\r\n" + H + b"Content-Type: application/json\r\n"


def post(fields, body=b""):
    return POST + fields + b"\r\n" + body


def chunked(body):
    return post(b"Transfer-Encoding: chunked\r\n", body)


HEADS = [
    ("bare lf in request line", GET[:-2] + b"\n" + H + b"\r\n", 400),
    ("bare lf in field", GET + b"Host: localhost\n\r\n", 400),
    ("bare lf ends head", GET + b"Host: localhost\r\n\n", 400),
    ("bare cr ends line", GET + b"X: a\rHost: localhost\r\n\r\n", 400),
    ("cr cr lf ends line", GET + b"Host: localhost\r\r\n\r\n", 400),
    ("nul in value", GET + H + b"X: a\0b\r\n\r\n", 400),
    ("nul in name", GET + H + b"X\0: a\r\n\r\n", 400),
    ("space before colon", POST + b"Content-Length : 34\r\n\r\n", 400),
    ("tab before colon", POST + b"Content-Length\t: 34\r\n\r\n", 400),
    ("empty name", GET + H + b": ignored\r\n\r\n", 400),
    ("no colon", GET + H + b"X\r\n\r\n", 400),
    ("leading white space", GET + b" Host: localhost\r\n\r\n", 400),
    ("obs-fold", GET + H + b"X: a\r\n b\r\n\r\n", 400),
    ("folded transfer-encoding",
     post(b"Transfer-Encoding:\r\n chunked\r\n"), 400),
    ("broken name", post(b"Transfer-\r\nEncoding: chunked\r\n"), 400),
    ("underscore", post(b"Content_Length: 5\r\n"), 400),
    ("version two", b"GET / HTTP/2.0\r\n" + H + b"\r\n", 505),
    ("version huge", b"GET / HTTP/4294967295.255\r\n" + H + b"\r\n", 400),
    ("version long", b"GET / HTTP/1.10\r\n" + H + b"\r\n", 400),
    ("no version", b"GET /\r\n" + H + b"\r\n", 400),
    ("two spaces", b"GET  / HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("tab for space", b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("space after version", b"GET / HTTP/1.1 \r\n" + H + b"\r\n", 400),
    ("bad method", b"G(T / HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("unknown method", b"BREW / HTTP/1.1\r\n" + H + b"\r\n", 501),
    ("connect", b"CONNECT localhost:80 HTTP/1.1\r\n" + H + b"\r\n", 501),
    ("trace", b"TRACE / HTTP/1.1\r\n" + H + b"\r\n", 501),
    ("fragment", b"GET /#a HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("raw utf-8 path", b"GET /\xc3\xa9 HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("encoded nul", b"GET /%00 HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("encoded slash", b"GET /a%2fb HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("encoded backslash", b"GET /a%5cb HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("encoded dots", b"GET /%2e%2e/a HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("dots", b"GET /../a HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("bad escape", b"GET /%zz HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("userinfo", b"GET http://a@localhost/ HTTP/1.1\r\n" + H + b"\r\n", 400),
    ("no host", GET + b"\r\n", 400),
    ("empty host", GET + b"Host:\r\n\r\n", 400),
    ("two hosts", GET + H + H + b"\r\n", 400),
    ("two other hosts", GET + H + b"Host: evil.test\r\n\r\n", 400),
    ("list of hosts", GET + b"Host: localhost, evil.test\r\n\r\n", 400),
    ("host with path", GET + b"Host: localhost/a\r\n\r\n", 400),
    ("host with userinfo", GET + b"Host: a@localhost\r\n\r\n", 400),
    ("empty length", post(b"Content-Length:\r\n"), 400),
    ("length with plus", post(b"Content-Length: +10\r\n"), 400),
    ("length with minus", post(b"Content-Length: -48\r\n"), 400),
    ("length with underscore", post(b"Content-Length: +1_0\r\n"), 400),
    ("length with zeros", post(b"Content-Length: 010\r\n"), 400),
    ("length in hex", post(b"Content-Length: 0x10\r\n"), 400),
    ("length list", post(b"Content-Length: 5, 5\r\n"), 400),
    ("length twice", post(b"Content-Length: 5\r\nContent-Length: 5\r\n"),
     400),
    ("lengths that differ",
     post(b"Content-Length: 5\r\nContent-Length: 6\r\n"), 400),
    ("length with nel", post(b"Content-Length: \x855\r\n"), 400),
    ("length with nbsp", post(b"Content-Length: 5\xa0\r\n"), 400),
    ("length overflows", post(b"Content-Length: 18446744073709551621\r\n"),
     400),
    ("length and coding",
     post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
          b"0\r\n\r\n"), 400),
    ("coding and length",
     post(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
          b"0\r\n\r\n"), 400),
    ("identity", post(b"Transfer-Encoding: identity\r\n"), 501),
    ("gzip", post(b"Transfer-Encoding: gzip\r\n"), 501),
    ("gzip chunked", post(b"Transfer-Encoding: gzip, chunked\r\n"), 400),
    ("chunked twice in a line",
     post(b"Transfer-Encoding: chunked, chunked\r\n"), 400),
    ("chunked on two lines",
     post(b"Transfer-Encoding: chunked\r\n" * 2), 400),
    ("comma chunked", post(b"Transfer-Encoding: ,chunked\r\n"), 400),
    ("chunked in quotes", post(b'Transfer-Encoding: "chunked"\r\n'), 400),
    ("chunked with vt", post(b"Transfer-Encoding: \x0bchunked\r\n"), 400),
    ("chunked with nel", post(b"Transfer-Encoding: chunked\x85\r\n"), 400),
    ("coding in 1.0", b"POST /jmap/ HTTP/1.0\r\n" + H +
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("get with length", GET + H + b"Content-Length: 5\r\n\r\nhello", 400),
    ("get with coding",
     GET + H + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("options with length",
     b"OPTIONS / HTTP/1.1\r\n" + H + b"Content-Length: 5\r\n\r\nhello", 400),
    ("two authorizations",
     GET + H + b"Authorization: a\r\nAuthorization: b\r\n\r\n", 400),
    ("two types", POST + b"Content-Type: text/html\r\n\r\n", 400),
    ("expect something", post(b"Expect: the-unexpected\r\n"), 417),
    ("two empty lines first", b"\r\n\r\n" + GET + H + b"\r\n", 400),
    ("lf first", b"\n" + GET + H + b"\r\n", 400),
]

# After authorization, so that they are really read.
CHUNKS = [
    ("size with plus", b"+2\r\n{}\r\n0\r\n\r\n"),
    ("size with prefix", b"0x2\r\n{}\r\n0\r\n\r\n"),
    ("size with underscore", b"0_2e\r\n{}\r\n0\r\n\r\n"),
    ("size with space", b"2 \r\n{}\r\n0\r\n\r\n"),
    ("size with leading space", b" 2\r\n{}\r\n0\r\n\r\n"),
    ("size of nine digits", b"000000002\r\n{}\r\n0\r\n\r\n"),
    ("empty size", b"\r\n{}\r\n0\r\n\r\n"),
    ("extension", b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    ("extension with bare lf", b"2;\nxx\r\n{}\r\n0\r\n\r\n"),
    ("extension with bare cr", b"2;\r\r\n{}\r\n0\r\n\r\n"),
    ("bare lf after size", b"2\n{}\r\n0\r\n\r\n"),
    ("bare cr after size", b"2\r{}\r\n0\r\n\r\n"),
    ("bare lf after data", b"2\r\n{}\n0\r\n\r\n"),
    ("no crlf after data", b"2\r\n{}0\r\n\r\n"),
    ("extra byte after data", b"2\r\n{}x\r\n0\r\n\r\n"),
    ("other bytes for crlf", b"2\r\n{}XX0\r\n\r\n"),
    ("trailer", b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
    ("unended trailer", b"2\r\n{}\r\n0\r\nX:"),
    ("bare lf at the end", b"2\r\n{}\r\n0\r\n\n"),
]
