"""Parts of a registry's responses, right and wrong ones."""

from __future__ import annotations

from tests.fuzz.images import DOCUMENTS

STATUSES = [
    *(
        200,
        200,
        200,
        200,
        201,
        202,
        204,
        206,
        301,
        302,
        307,
        308,
        400,
        401,
        403,
        404,
        404,
        405,
        416,
        429,
        500,
        503,
    ),
]
HEADERS = {
    "Content-Type": [
        *(str(document["mediaType"]) for document in DOCUMENTS.values() if "mediaType" in document),
        *("application/json", "text/html", "application/json; charset=x"),
    ],
    "Docker-Content-Digest": ["DIGEST(manifest)", "DIGEST(index)", "sha256:0", "sha512:" + "0" * 128],
    "Link": [
        *(
            '</v2/a/tags/list?n=1&last=x>; rel="next"',
            '<http://STRANGER/v2/a/tags/list>; rel="next"',
            "<>; rel=next",
        ),
        *(
            "<//STRANGER/x>; rel=next",
            "<https://HOST/x>; rel=next",
            "<file:///etc/passwd>; rel=next",
            "<" * 2000,
        ),
        *(
            '<?a=b>; rel="next"',
            "<x" + ";a" * 3000 + ">; rel=next",
            "<http://[>; rel=next",
            "</x>; rel=next" * 200,
        ),
    ],
    "Location": [
        *(
            "http://STRANGER/blob",
            "/v2/a/blobs/uploads/1?state=x",
            "http://HOST/x",
            "//STRANGER/x",
            "http://[",
            "",
        ),
        *(
            "http://u:p@HOST/",
            "ftp://STRANGER/",
            "https://HOST/",
            "x\\y",
            "http://HOST:0/",
            "http://STRANGER:99999/",
        ),
    ],
    "WWW-Authenticate": [
        'Bearer realm="http://HOST/token",service="s",scope="repository:a:pull"',
        *('Basic realm="x"', 'Bearer realm="http://STRANGER/token"', "Bearer realm=http://[", "Bearer"),
        *("Negotiate abc, Basic realm=x", 'Bearer realm="http://HOST/token?x=y",scope=":::: a:b:c , d"'),
        *(
            "Basic " + "a=b," * 4000,
            "Bearer " + ' realm="' * 2000,
            'Bearer realm="http://HOST/token",service="\xe9"',
        ),
    ],
    "Retry-After": [
        "0",
        "-1",
        "9" * 30,
        "Wed, 21 Oct 2099 07:28:00 GMT",
        "Wed, 99 Foo 0000 00:00:00",
        "1e3",
        "0.5",
    ],
    "Content-Encoding": ["gzip", "identity", "br"],
    "Content-Length": ["LENGTH", "LENGTH", "0", "1", "-1", "99999999999999999999", "x"],
    "Transfer-Encoding": ["chunked", "gzip, chunked"],
    "Content-Range": ["bytes 0-1/2", "bytes x", "bytes 5-1/*"],
    "Range": ["0-0", "0-99999999999999999999", "bytes=0-5", "5-1"],
    "OCI-Subject": ["DIGEST(index)", "x"],
    "OCI-Filters-Applied": ["artifactType"],
    "Docker-Upload-UUID": ["x", "../.."],
    "Set-Cookie": ["a=b; Domain=STRANGER"],
    "X": ["y" * 20_000],
}
ANY_BODIES = [
    *(b"", b"{}", b"[]", b"null", b'"x"', b"{", b"<html>", b"\xff\xfe", b"\0" * 3000, b"[" * 5000, b"NaN"),
    *(b'{"a": "\\ud800"}', b'{"errors": {}}', b'{"errors": [[]]}', b'{"errors": "x"}'),
    b'{"errors": [{"code": "DENIED", "message": "no", "detail": "d"}]}',
    b'{"errors": [{"code": 7, "message": {"a": 1}, "detail": [1]}]}',
    b'{"errors": [{"code": "\\ud800", "message": "\\u001b[31m::error::x"}]}',
    *(b"retry-after: 5s, allowed: 1/minute", b"retry-after: " + b"9" * 400 + b"h"),
]
_REFERRER = b'"mediaType": "a", "digest": "DIGEST(referrer)", "size": SIZE(referrer)'
BODIES = {
    "token": [
        *(
            b'{"token": "t", "expires_in": 300}',
            b'{"token": "a\nb"}',
            b'{"access_token": "t", "expires_in": 1e999}',
        ),
        *(b'{"token": {}}', b'{"token": "\xc3\xa9"}', b'{"token": "t", "expires_in": "x"}'),
        *(b'{"token": "t", "expires_in": ' + b"9" * 400 + b"}", b'{"token": "t", "expires_in": NaN}'),
        *(b'{"token": "t", "expires_in": -1, "issued_at": "x"}', b'{"token": "' + b"t" * 70_000 + b'"}'),
    ],
    "tags": [
        *(b'{"name": "a", "tags": ["1.0.0", "x/y", 7, null]}', b'{"tags": null}', b'{"tags": {"a": 1}}'),
        *(
            b'{"tags": "abc"}',
            b'{"tags": [[]]}',
            b'{"tags": ["' + b"x" * 5000 + b'"]}',
            b'{"tags": ["\\ud800"]}',
        ),
        *(b'{"tags": [], "tags": ["a"]}', b'{"tags": ["a\\n"]}'),
    ],
    "referrers": [
        *(
            b'{"manifests": []}',
            b'{"schemaVersion": 2, "manifests": null}',
            b'{"manifests": {}}',
            b'{"manifests": [null]}',
        ),
        *(
            b'{"manifests": [{"digest": "DIGEST(referrer)"}]}',
            b'{"manifests": [{' + _REFERRER + b', "artifactType": 1}]}',
        ),
        b'{"manifests": [{' + _REFERRER + b', "annotations": {"a": "\\ud800"}}]}',
    ],
}
"""Bodies for the kinds of requests that are not for a document."""
