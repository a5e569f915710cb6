# SPDX-License-Identifier: ISC
"""The abuse corpus of HTTP/1.1, by families; http_smuggle.py has the first
hundred.  A case is (name, bytes, status).  A status of 400 and above is a
refusal: one answer, then the end, whatever follows on the wire.  200 is the
near miss beside it, which must not be refused: what follows is answered, too.
Numbers are the rules of security.md 3.1."""

from http_smuggle import CHUNKS, GET, H, HEADS, POST

LIVE = b"/healthz/live"
TCHAR = set(b"!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            b"abcdefghijklmnopqrstuvwxyz")     # no "_": see hdr.c
TARGET = set(b"!$%&'()*+,-./0123456789:;=?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_"
             b"abcdefghijklmnopqrstuvwxyz~")
CONTROL = [c for c in range(0x20) if c != 9] + [0x7f]
AUTH = b"@AUTH@"                # the test puts a login here
JSON = b"Content-Type: application/json\r\n"


def head(fields=b"", method=b"GET", target=LIVE, version=b"HTTP/1.1",
         host=H):
    return (method + b" " + target + b" " + version + b"\r\n" + host +
            fields + b"\r\n")


def body(fields, data=b"", method=b"POST", target=b"/jmap/"):
    return head(JSON + fields, method, target) + data


def name(what, octets):
    return f"{what} {octets!r}"


# --- 1: the request line ---------------------------------------------------

def request_lines():
    for c in sorted(set(range(256)) - TCHAR - {0x20, 0x5f}):
        yield name("method with", bytes([c])), head(
            method=b"GE" + bytes([c]) + b"T"), 400
    for m in (b"get", b"Get", b"GETT", b"PRI", b"CONNECT", b"TRACE", b"TRACK",
              b"PROPFIND", b"X", b"GET_", b"GET-POST", b"M" * 200):
        yield name("method", m[:20]), head(method=m), 501
    for v in (b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9",
              b"HTTP/0.0", b"HTTP/2.1"):
        yield name("version", v), head(version=v), 505
    for v in (b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/1.1.1", b"HTTP/01.1",
              b"HTTP/1.01", b"HTTP/1.1\0", b"HTTP/1.1x", b"HTTP/1.1;",
              b"HTTP/1.1\t", b"HTTP/ 1.1", b"HTTP /1.1", b"HTTP/1 .1",
              b"http/1.1", b"Http/1.1", b"HTTPS/1.1", b"ICY/1.1", b"HTTP/1.a",
              b"HTTP/a.1", b"HTTP/-1.1", b"HTTP/+1.1", b"HTTP/1,1",
              b"HTTP\\1.1", b"HTTP/1.\xb1", b"HTTP//1.1", b"HTTP", b"1.1",
              b"\0HTTP/1.1", b"HTTP/1.1 HTTP/1.1", b"HTTP/1.1 HTTP/1.0",
              b"HTTP/0x1.1", b"HTTP/1.1\x0b", b"HTTP/1.1\x85"):
        yield name("version", v), head(version=v), 400
    for line in (b"", b" ", b"GET", b"GET ", b"GET /", b"GET / ", b"/ HTTP/1.1",
                 b" GET / HTTP/1.1", b"\tGET / HTTP/1.1", b"\0GET / HTTP/1.1",
                 b"\xef\xbb\xbfGET / HTTP/1.1", b"GET\0/ HTTP/1.1",
                 b"GET\x0b/ HTTP/1.1", b"GET\xa0/ HTTP/1.1",
                 b"GET /\tHTTP/1.1", b"GET /  HTTP/1.1", b"GET  / HTTP/1.1",
                 b"GET HTTP/1.1", b"HTTP/1.1 200 OK", b"GET /HTTP/1.1",
                 b"Host: localhost"):
        # an empty line may go before, but a field is no request line
        yield name("line", line), line + b"\r\n" + H + b"\r\n", 400


# --- 2: line ends ----------------------------------------------------------

def line_ends():
    ends = (b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\0\n", b"\r \n", b"\0\r\n",
            b"\x0b", b"\x0c", b"\r\x0b\n", b"\x1e", b"\n\n")
    for e in ends:
        yield name("line ended by", e), GET[:-2] + e + H + b"\r\n", 400
        yield name("host ended by", e), GET + H[:-2] + e + b"\r\n", 400
        yield name("field ended by", e), GET + H + b"X: a" + e + b"\r\n", 400
        yield (name("head ended by", e), GET + H + e +
               b"GET /inner HTTP/1.1\r\n" + H + b"\r\n", 400)
    for first in (b"\n", b"\r", b"\r\n\r\n", b"\r\n\n", b"\n\r\n", b"\r\n\r\n\r\n",
                  b"\r\n ", b" \r\n", b"\r\n\t\r\n", b"\0\r\n"):
        yield name("first", first), first + GET + H + b"\r\n", 400
    yield "one empty line first", b"\r\n" + GET + H + b"\r\n", 200


# --- 3: the target -----------------------------------------------------------

def targets():
    for c in sorted(set(range(256)) - TARGET - {0x23}):
        yield (name("target with", bytes([c])),
               head(target=LIVE + bytes([c])), 400)
    for c in sorted(set(range(0x20, 0x80)) - TARGET - {0x20, 0x23}):
        yield (name("query with", bytes([c])),
               head(target=LIVE + b"?a=" + bytes([c])), 400)
    for e in (b"%", b"%2", b"%2g", b"%g2", b"% 20", b"%u0041", b"%x41", b"%-1",
              b"%00", b"%01", b"%0a", b"%0d", b"%0D%0A", b"%09", b"%1f",
              b"%7f", b"%2f", b"%2F", b"%5c", b"%5C", b"%2e", b"%2e%2e",
              b"%2E.", b".%2e", b".", b"..", b"%80", b"%ff", b"%c0%af",
              b"%c0%ae", b"%e0%80%af", b"%ed%a0%80", b"%f5%80%80%80",
              b"%c3", b"%f0%9f%92", b"%", b"%%", b"%25%"):
        yield name("segment", e), head(target=b"/a/" + e), 400
        yield name("first segment", e), head(target=b"/" + e), 400
    for q in (b"%", b"%0", b"%zz", b"%00", b"a=%0", b"a#b", b"\\"):
        yield name("query", q), head(target=LIVE + b"?" + q), 400
    for t in (b"*", b"localhost", b"localhost:80", b"a/b", b"?a=b", b"#",
              b"http:", b"http:/", b"http://", b"http:///healthz/live",
              b"http:/healthz/live", b"http:healthz", b"http://:80/",
              b"http://localhost:/x:y@z#a", b"http://a@localhost/",
              b"http://a:b@localhost/", b"http://local host/",
              b"http://localhost\\@evil.test/", b"http://localhost%2f/",
              b"http://localhost:port/", b"http://localhost:99999/",
              b"http://[::1/", b"http://::1/", b"http://[localhost]/",
              b"http://localhost#/", b"http://localhost/#",
              b"http://localhost/../", b"http://localhost/%2e%2e/",
              b"http://localhost,evil.test/", b"ftp://localhost/",
              b"file:///etc/passwd", b"javascript:alert(1)",
              b"ws://localhost/", b"gopher://localhost/", b"//localhost/",
              b"http//localhost/", b"HTTP/1.1", b"http://.localhost/",
              b"http://localhost/http://localhost/\\"):
        if t == b"//localhost/":
            continue            # a path; it is no host to us: 404, kept
        yield name("target", t), head(target=t), 400
    for t in (b"https://localhost/", b"HTTPS://localhost/"):
        yield name("target", t), head(target=t), 421
    for t in (LIVE, LIVE + b"?", LIVE + b"?a=b&c=/../%2F", b"/healthz/%6cive",
              b"http://localhost" + LIVE, b"HTTP://LOCALHOST:1" + LIVE,
              LIVE + b"?a=http://b/"):
        yield name("good target", t), head(target=t), 200


# --- 4: names and values ------------------------------------------------------

def fields():
    for c in sorted(set(range(256)) - TCHAR - {0x3a}):
        yield name("name with", bytes([c])), head(
            b"X" + bytes([c]) + b"Y: a\r\n"), 400
    for c in CONTROL + [0x20, 9]:
        yield name("before colon", bytes([c])), head(
            b"X" + bytes([c]) + b": a\r\n"), 400
    for c in CONTROL:
        c = bytes([c])
        yield name("value begins with", c), head(b"X:" + c + b"a\r\n"), 400
        yield name("value with", c), head(b"X: aaaaaaa" + c +
                                          b"bbbbbbbbb\r\n"), 400
        yield name("value ends with", c), head(b"X: a" + c + b"\r\n"), 400
    for c in [9] + list(range(0x20, 0x7f)) + list(range(0x80, 0x100)):
        yield name("good value with", bytes([c])), head(
            b"X: a" + bytes([c]) + b"b\r\n"), 200
    for f in (b":\r\n", b": a\r\n", b" : a\r\n", b"X\r\n", b"X a\r\n", b"X;a\r\n",
              b"X=a\r\n", b" X: a\r\n", b"\tX: a\r\n", b" \r\n", b"\t\r\n",
              b"X: a\r\n b\r\n", b"X: a\r\n\tb\r\n", b"X: a\r\n \r\n",
              b"X:\r\n a\r\n", b"X: a\r\n\r b\r\n", b"X: a\r\n \t b: c\r\n",
              b"Content_Length: 5\r\n", b"Transfer_Encoding: chunked\r\n",
              b"X_Forwarded_For: 1.2.3.4\r\n", b"(comment): a\r\n",
              b'"X": a\r\n', b"X[]: a\r\n", b"{X}: a\r\n", b"X@Y: a\r\n",
              b"GET / HTTP/1.1\r\n", b"http ://localhost/\r\n",
              b"\xef\xbb\xbfX: a\r\n", b"X\xc2\xa0: a\r\n", b"<X>: a\r\n"):
        yield name("field", f), head(f), 400
        yield name("first field", f), GET + f + H + b"\r\n", 400
    for f in (b"http://localhost/\r\n", b"X:\r\n", b"X: \t \r\n", b"X:a\r\n", b"X:\ta\t\r\n", b"X: a:b\r\n",
              b"X::\r\n", b"!#$%&'*+-.^`|~9: a\r\n"):
        yield name("good field", f), head(f), 200


# --- 5: Host --------------------------------------------------------------------

def hosts():
    for h in (b"", b" ", b"\t", b":", b":80", b"localhost:", b"localhost:-1",
              b"localhost:+80", b"localhost:8a", b"localhost:65536",
              b"localhost:000080", b"localhost:80:80", b"localhost: 80",
              b"localhost :80", b"local host", b"localhost,localhost",
              b"localhost;", b"localhost/", b"localhost?", b"localhost#",
              b"localhost\\", b"a@localhost", b"@localhost", b"localhost@",
              b"http://localhost", b"//localhost", b"local%68ost",
              b"localhost%00", b"localhost\x80", b"\xc3\xa9.test",
              b"[::1", b"::1", b"[::1]x", b"[::1]:x", b"[]", b"[localhost]",
              b"[127.0.0.1]", b"[::1%25lo]", b"[v1.a]", b".localhost", b".",
              b"localhost\x7f", b'"localhost"', b"<localhost>", b"{localhost}",
              b"localhost|", b"$(id)", b"a" * 300, b"localhost\x0b"):
        if h == b"localhost:":
            continue            # RFC 3986 3.2.3 allows an empty port
        yield name("host", h[:30]), head(host=b"Host: " + h + b"\r\n"), 400
        if h.strip() and len(h) < 100:
            yield (name("host behind absolute-form", h), head(
                target=b"http://localhost" + LIVE,
                host=b"Host: " + h + b"\r\n"), 400)
    for two in (H + H, H + b"host: localhost\r\n", H + b"HOST:localhost\r\n",
                H + b"Host:\r\n", b"Host:\r\n" + H,
                H + b"X: a\r\nHost: evil.test\r\n",
                b"Host: evil.test\r\n" + H, H * 3):
        yield name("hosts", two), head(host=two), 400
        yield (name("hosts with absolute-form", two),
               head(target=b"http://localhost/", host=two), 400)
    for h in (b"", b"X: localhost\r\n", b"Hos: localhost\r\n",
              b"Hostt: localhost\r\n", b"X-Host: localhost\r\n"):
        yield name("no host but", h), head(host=h), 400
    yield ("no host with absolute-form",
           head(target=b"http://localhost/", host=b""), 400)


# --- 6, 7: what frames a body ------------------------------------------------------

def lengths():
    bad = (b"", b" ", b"+5", b"-5", b"-0", b"+0", b"00", b"05", b"0005", b"5 5",
           b"5,5", b"5, 5", b"5,", b",5", b"5;", b"5;q=1", b"0x5", b"0X5",
           b"5h", b"5_0", b"5.0", b"5e0", b"5e1", b"1e1", b"five", b'"5"',
           b"'5'", b"5\x0b", b"\x0b5", b"5\x0c", b"5\x00", b"\x005",
           b"5\x85", b"\x855", b"5\xa0", b"\xa05", b"\xef\xbc\x95",
           b"\xd9\xa5", b"18446744073709551615", b"18446744073709551616",
           b"18446744073709551621", b"99999999999999999999", b"9" * 100,
           b"5\t5", b"(5)", b"5 (five)", b"NaN", b"inf", b"0b101", b"0o5",
           b"5%", b"%35", b"$5", b"5,6", b"5\r 5", b"5 HTTP/1.1")
    for v in bad:
        yield name("length", v[:24]), body(
            b"Content-Length: " + v + b"\r\n", b"{}{}{"), 400
    cl = b"Content-Length: 5\r\n"
    for two in (cl + cl, cl + b"Content-Length: 6\r\n",
                b"Content-Length: 0\r\n" + cl, cl + b"content-length: 5\r\n",
                cl + b"X: a\r\n" + cl, cl + b"Content-Length:\r\n",
                cl + b"CONTENT-LENGTH: 0\r\n",
                cl + b"Content-Length : 6\r\n", cl + b" Content-Length: 6\r\n",
                cl + b"Content-Length\t: 6\r\n",
                cl + b"Content-Length\0: 6\r\n",
                cl + b"Content_Length: 6\r\n",
                cl + b"Content-Length\xa0: 6\r\n",
                cl + b"\x0bContent-Length: 6\r\n",
                cl + b"X:\nContent-Length: 6\r\n",
                cl + b"X:\rContent-Length: 6\r\n",
                b"X: a\n" + cl, b"X: a\r" + cl, b"X: a\r\n " + cl):
        yield name("lengths", two), body(two, b"{}{}{"), 400
    for v in (b"10000001", b"999999999999", b"9999999999999999999"):
        yield name("length over the limit", v), body(
            AUTH + b"Content-Length: " + v + b"\r\n"), 413
    for m in (b"GET", b"HEAD", b"DELETE", b"OPTIONS"):      # 9
        for f, d in ((b"Content-Length: 5\r\n", b"hello"),
                     (b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
                     (b"Content-Length: 1\r\n", b"G"),
                     (b"Transfer-Encoding: chunked\r\n",
                      b"5\r\nhello\r\n0\r\n\r\n")):
            yield (name(m.decode() + " with", f + d), head(f, m) + d, 400)
    for m in (b"GET", b"OPTIONS"):
        yield (name("good length on", m), head(b"Content-Length: 0\r\n", m),
               200 if m == b"GET" else 204)


def codings():
    end = b"0\r\n\r\n"
    te = b"Transfer-Encoding: chunked\r\n"
    cl = b"Content-Length: 5\r\n"
    for v in (b"identity", b"gzip", b"deflate", b"compress", b"x-gzip",
              b"chunkedd", b"chunke", b"xchunked", b"chunked1", b"cow",
              b"CHUNK", b"'chunked'", b"chunked-", b"-chunked", b"x"):
        yield name("coding", v), body(
            b"Transfer-Encoding: " + v + b"\r\n", end), 501
    for v in (b"", b" ", b",", b"chunked,", b",chunked", b", chunked",
              b"chunked, ", b"chunked, chunked", b"chunked,identity",
              b"identity, chunked", b"gzip, chunked", b"chunked, gzip",
              b"chunked;q=1", b"chunked; a=b", b"chunked;", b";chunked",
              b'"chunked"', b"chunked\x0b", b"\x0bchunked",
              b"chunked\x0c", b"\x0cchunked", b"chunked\0", b"\0chunked",
              b"chunked\x85", b"\x85chunked", b"chunked\xa0",
              b"\xa0chunked", b"chun\xaded", b"chunked\x7f", b"chunked chunked",
              b"chunked\tchunked", b"chunked_", b"chu nked", b"[chunked]",
              b"chunked(comment)", b"=chunked", b"chunked=1", b"chunked\r x",
              b"\xef\xbb\xbfchunked", b"chunked\\", b"chunked/1", b"@chunked"):
        yield name("coding", v), body(
            b"Transfer-Encoding: " + v + b"\r\n", end), 400
    for f in (te + te, te + b"Transfer-Encoding: identity\r\n",
              b"Transfer-Encoding: identity\r\n" + te,
              te + b"Transfer-Encoding:\r\n", te + b"transfer-encoding: x\r\n",
              te + cl, cl + te, te + b"Content-Length: 0\r\n",
              b"Content-Length: 0\r\n" + te, te + cl + cl,
              cl + b"Transfer-Encoding: identity\r\n",
              cl + b"Transfer-Encoding: gzip\r\n",
              cl + b"Transfer-Encoding:\r\n",
              cl + b"Transfer-Encoding: xchunked\r\n",
              cl + b"Transfer-Encoding : chunked\r\n",
              cl + b"Transfer-Encoding\t: chunked\r\n",
              cl + b" Transfer-Encoding: chunked\r\n",
              cl + b"\tTransfer-Encoding: chunked\r\n",
              cl + b"X: a\nTransfer-Encoding: chunked\r\n",
              cl + b"X: a\rTransfer-Encoding: chunked\r\n",
              cl + b"Transfer-Encoding\0: chunked\r\n",
              cl + b"Transfer-Encoding\x0b: chunked\r\n",
              cl + b"Transfer_Encoding: chunked\r\n",
              cl + b"Transfer-Encoding:\r\n chunked\r\n",
              cl + b"Transfer-Encoding:\n chunked\r\n",
              cl + b"Transfer-\r\nEncoding: chunked\r\n",
              cl + b"Transfer-Encoding chunked\r\n",
              cl + b"Transfer\xadEncoding: chunked\r\n",
              cl + b"(Transfer-Encoding): chunked\r\n",
              te[:-2] + b"\n" + cl, te[:-2] + b"\r" + cl):
        yield name("framed by", f), body(f, end), 400
    for f in (te, cl + te, b"Connection: keep-alive\r\n" + te,
              b"Transfer-Encoding: identity\r\n"):
        yield (name("1.0 with", f), b"POST /jmap/ HTTP/1.0\r\n" + H + JSON +
               f + b"\r\n" + end, 400)
    for v in (b"gzip", b"deflate", b"br", b"zstd", b"x", b"identity, gzip",
              b"gzip, gzip", b"*"):
        yield name("content coding", v), body(
            b"Content-Encoding: " + v + b"\r\nContent-Length: 2\r\n",
            b"{}"), 415


# --- 8: chunks.  After authorization, so that they are read -----------------------

def chunks():
    def case(what, data, status=400):
        return what, body(AUTH + b"Transfer-Encoding: chunked\r\n",
                          data), status

    last = b"0\r\n\r\n"
    for n, data in CHUNKS:
        if n != "unended trailer":
            yield case(n, data)
    hexits = set(b"0123456789abcdefABCDEF")
    for c in sorted(set(range(256)) - hexits - {13}):
        yield case(name("size then", bytes([c])),
                   b"2" + bytes([c]) + b"\r\n{}\r\n" + last)
    for c in CONTROL + [9, 0x20, 0x2b, 0x2d, 0x78, 0x5f, 0x3b, 0x85, 0xa0]:
        yield case(name("size behind", bytes([c])),
                   bytes([c]) + b"2\r\n{}\r\n" + last)
        yield case(name("data, then", bytes([c])),
                   b"2\r\n{}" + bytes([c]) + b"\r\n" + last)
        yield case(name("last size behind", bytes([c])),
                   b"2\r\n{}\r\n" + bytes([c]) + last)
    for e in (b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\0\n", b" \r\n", b"\t\r\n",
              b";\r\n", b";a\r\n", b";a=b\r\n", b";\n", b";\r\r\n",
              b";a=\"\r\n\"\r\n", b";" + b"a" * 100 + b"\r\n", b"\x0b\r\n",
              b";\0\r\n", b";a=\"0\r\n\r\n", b" ;a\r\n"):
        yield case(name("size ended by", e), b"2" + e + b"{}\r\n" + last)
        yield case(name("last size ended by", e), b"2\r\n{}\r\n0" + e + b"\r\n")
    for e in (b"\n", b"\r", b"\n\r", b"\r\r\n", b"", b"x\r\n", b"\r\nx",
              b"\r\n\r\n", b"\0\0", b"  ", b"\r0", b"\n\n"):
        yield case(name("data ended by", e), b"2\r\n{}" + e + last)
    for s in (b"100000000", b"ffffffffffffffff", b"10000000000000002",
              b"0000000000000002", b"-2", b"+2", b"0x2", b"2h", b"2.0",
              b"", b"g", b"two", b"\xef\xbc\x92", b"2,", b"2 2", b"0 2"):
        yield case(name("size", s), s + b"\r\n{}\r\n" + last)
    for e in (b"\n", b"\n\r\n", b"X: y\r\n\r\n", b"X:\r\n\r\n", b"\0\r\n",
              b" \r\n", b"Host: evil.test\r\n\r\n",
              b"Content-Length: 5\r\n\r\nhello",
              b"Authorization: Basic eDp5\r\n\r\n", b"0\r\n\r\n",
              b"GET / HTTP/1.1\r\n\r\n"):
        yield case(name("behind the last chunk", e), b"2\r\n{}\r\n0\r\n" + e)
    yield case("one octet a chunk, without end",
               b"1\r\n \r\n" * 20000 + last)
    yield case("chunks over the limit",
               (b"80000\r\n" + b" " * 0x80000 + b"\r\n") * 20 + last, 413)
    yield case("a chunk over the limit", b"989681\r\n", 413)
    for good in (b"2\r\n{}\r\n" + last, b"00000002\r\n{}\r\n00000000\r\n\r\n",
                 b"1\r\n{\r\n1\r\n}\r\n" + last, b"A\r\n{        }\r\n" + last,
                 b"a\r\n{        }\r\n0000\r\n\r\n"):
        # well framed; as JSON it is no request: 400 of JMAP, but no close
        what, data, _ = case(name("good chunks", good), good)
        yield what, data, "notRequest"


# --- 10, 11, 12 ---------------------------------------------------------------------

SINGLE = (b"Authorization: Basic eDp5", b"Content-Type: application/json",
          b"Content-Length: 0", b"Origin: https://a.test", b"Range: bytes=0-1",
          b"Expect: 100-continue", b"Transfer-Encoding: chunked",
          b"Content-Encoding: identity", b"If-Range: x", b"Last-Event-ID: 1",
          b"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
          b"Sec-Fetch-Site: none", b"Sec-Fetch-Mode: cors",
          b"Sec-Fetch-Dest: empty", b"X-Forwarded-Proto: https",
          b"Access-Control-Request-Method: GET")


def twice():
    for f in SINGLE:
        n, _, v = f.partition(b":")
        lines = f + b"\r\n"
        for second in (lines, n.upper() + b":" + v + b"\r\n",
                       n.lower() + b":\r\n"):
            yield (name("twice", lines + second),
                   head(lines + second, b"PUT"), 400)
    for e in (b"100-continu", b"100-continue, x", b"", b"200-ok", b"100",
              b"100-continue;a", b"x=y", b"100-continue 100-continue",
              b'"100-continue"', b"\x80100-continue"):
        yield name("expect", e), body(b"Expect: " + e + b"\r\n"), 417


def limits():
    yield "request line", head(target=b"/" + b"a" * 8192), 414
    yield "request line of 1 MB", head(target=b"/" + b"a" * 1000000), 414
    yield "endless method", b"G" * 20000, 414
    yield "query", head(target=b"/?" + b"a" * 9000), 414
    yield "one field", head(b"X: " + b"a" * 8192 + b"\r\n"), 431
    yield "one field of 1 MB", head(b"X: " + b"a" * 1000000 + b"\r\n"), 431
    yield "one name", head(b"X" * 8200 + b": a\r\n"), 431
    yield "endless field", GET + H + b"X: " + b"a" * 20000, 431
    yield "all fields", head((b"X: " + b"a" * 4000 + b"\r\n") * 9), 431
    yield "101 fields", head(b"X: a\r\n" * 100), 431
    yield "1,000 fields", head(b"X:\r\n" * 1000), 431
    yield "100,000 fields", head(b"X:\r\n" * 100000), 431
    yield "100 fields", head(b"X: a\r\n" * 99), 200
    yield "white space as a value", head(b"X:" + b" " * 9000 + b"a\r\n"), 431
    yield "longest field", head(b"X: " + b"a" * 8180 + b"\r\n"), 200


FAMILIES = {
    "first hundred": lambda: iter(HEADS),
    "request line": request_lines, "line ends": line_ends,
    "target": targets, "fields": fields, "host": hosts, "length": lengths,
    "coding": codings, "chunks": chunks, "twice": twice, "limits": limits,
}


def all_cases():
    """Every case once, by its bytes."""
    seen = set()
    for family, cases in FAMILIES.items():
        for what, data, status in cases():
            if data not in seen:
                seen.add(data)
                yield family, what, data, status
