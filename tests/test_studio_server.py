"""The studio's server, before a studio that computes nothing: who is let in, and what becomes of what is sent."""

import contextlib
import json
import re
import select

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route
from starlette.testclient import TestClient

from phosphene.errors import NonFiniteError, OutOfSpaceError, SettingsError, TooLargeError
from phosphene.images.samples import check_size
from phosphene.painting.document import DREAM, STRENGTHS, STYLE, Brush
from phosphene.recipes.style_settings import StyleSettings
from phosphene.sessions.service import CANVAS_SIDES
from phosphene.studio import answers, guard, shapes
from phosphene.studio.answers import Refusal
from phosphene.studio.openapi import openapi
from phosphene.studio.operations import OPERATIONS
from phosphene.studio.server import app
from studio_fake import BEARER, PORT, TOKEN, WEBP, Studio, answer, client_of, exchange, request, running, spoken, until

HERE = f"http://127.0.0.1:{PORT}"
NOBODY = "f" * 16
SCHEMAS = shapes.schemas()
LOOK = {"kind": "dream", "preset": "carnival"}
BRUSH = {"size": 40, "softness": 0.5, "strength": 1, "look": LOOK}
STROKE = {"brush": BRUSH, "points": [[1, 2, 0.5], [3.5, 4, 1]], "seconds": 1.5}
BEGIN = {"do": "begin", "brush": BRUSH, "points": [[1, 2, 1]]}


@pytest.fixture
def client(stranger):
    """A program, which sends the token."""
    stranger.headers.update(BEARER)
    return stranger


@pytest.fixture
def browser(stranger):
    """A browser, which has the cookie."""
    stranger.get("/", params={"token": TOKEN})
    return stranger


def opened(client, **more):
    response = client.post("/api/pictures", params={"name": "cat.jpg"}, content=b"pixels", **more)
    assert response.status_code == 201
    return response.json()["id"]


def refused(response, status, *words):
    """Holds a refusal to its form; gives what it says."""
    assert response.status_code == status, response.text
    told = response.json()
    assert set(told) == {"error", "hint"}
    assert told["error"]
    said = f"{told['error']} {told['hint']}"
    for word in words:
        assert word in said
    assert "Traceback" not in said
    return told


# The door


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger):
    response = stranger.get("/", params={"token": TOKEN})
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"phosphene_{PORT}=")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert stranger.get("/").headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", f"?token={TOKEN[:-1]}", "?token=%ff%00é"])
def test_a_page_without_the_token_says_kindly_where_it_is(stranger, query):
    response = stranger.get(f"/{query}")
    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert "phosphene studio" in response.text
    assert "style=" not in response.text
    assert "<style" not in response.text


@pytest.mark.parametrize(
    "path", ["/api/looks", "/api/pictures", "/static/index.html", "/api/nothing", "/api/openapi.json"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Cookie": f"phosphene_{PORT}=wrong"},
        {"Cookie": f"phosphene_{PORT + 1}={TOKEN}"},
        {"Cookie": f"phosphene_{PORT}={TOKEN}", "Authorization": "Bearer wrong"},
    ],
)
def test_nothing_else_is_answered_without_the_token(stranger, path, headers):
    refused(stranger.get(path, headers=headers), 401, "token", "Bearer")


def test_a_key_that_opens_once_opens_once(studio):
    tokens = guard.Tokens(TOKEN)
    key = tokens.once()
    with TestClient(app(studio, tokens, port=PORT), base_url=HERE, follow_redirects=False) as client:
        assert client.get("/", params={"token": key}).status_code == 303
        assert client.get("/api/looks").status_code == 200
        client.cookies.clear()
        assert client.get("/", params={"token": key}).status_code == 403
        assert client.get("/api/looks", headers={"Authorization": f"Bearer {tokens.once()}"}).status_code == 401


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_its_own_names(client, host):
    assert client.get("/api/looks", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", "", f"127.0.0.1:{PORT}.evil"]
)
def test_another_name_is_refused(client, host):
    refused(client.get("/api/looks", headers={"Host": host}), 403, "name")
    refused(client.get("/", params={"token": TOKEN}, headers={"Host": host}), 403, "name")


def test_names():
    assert f"studio.lan:{PORT}" in guard.names("Studio.lan", PORT)
    assert "[fe80::1]:5" in guard.names("fe80::1", 5)
    assert "localhost" in guard.names("127.0.0.1", 80)
    assert "localhost" not in guard.names("127.0.0.1", PORT)


FOREIGN = ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", f"http://localhost:{PORT}", f"{HERE}.evil", ""]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_refused(client, origin):
    for response in (client.get("/api/looks", headers={"Origin": origin}), client.post("/api/pictures", content=b"x",
                     headers={"Origin": origin}), client.get("/", headers={"Origin": origin})):  # fmt: skip
        refused(response, 403, "another site")


def test_a_cookie_changes_nothing_without_its_origin(browser, studio):
    refused(browser.post("/api/pictures", content=b"x"), 403, "Origin")
    refused(browser.delete(f"/api/pictures/{NOBODY}"), 403, "Origin")
    assert studio.opened == []
    opened(browser, headers={"Origin": HERE})


def test_what_a_browser_says_of_who_asked(browser):
    for site in ("cross-site", "same-site"):
        refused(browser.get("/api/looks", headers={"Sec-Fetch-Site": site}), 403)
        assert browser.get("/", headers={"Sec-Fetch-Site": site}).status_code == 200
    assert browser.get("/api/looks", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_every_answer_is_sealed(stranger, studio):
    given = [stranger.get("/"), stranger.get("/api/looks"), stranger.get("/", params={"token": TOKEN})]
    given += [stranger.get("/", headers={"Host": "evil.example"}), stranger.get("/api/x", headers={"Origin": "null"})]
    stranger.headers.update(BEARER)
    paths = ("/", "/static/index.html", "/static/none.js", "/none", "/api/looks", "/api/pictures/nothing")
    given += [stranger.get(path) for path in paths]
    given += [stranger.post("/api/pictures", content=data) for data in (b"broken", b"bug", b"", b"fine")]
    given += [stranger.get(f"/api/pictures/{1:016x}/view.webp"), stranger.delete("/api/looks"), stranger.head("/")]
    for each in given:
        policy = dict(part.split(" ", 1) for part in each.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["worker-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert each.headers["x-content-type-options"] == "nosniff"
        assert each.headers["referrer-policy"] == "no-referrer"
        assert each.headers["cross-origin-opener-policy"] == "same-origin"
        assert each.headers["cross-origin-resource-policy"] == "same-origin"
        kept = "no-cache" if "/static/" in str(each.url) else "no-store"
        assert each.headers["cache-control"] == kept
        assert "server" not in each.headers


# The page


@pytest.fixture
def page(tmp_path):
    folder = tmp_path / "site" / "page"
    (folder / "parts").mkdir(parents=True)
    for name in ("index.html", "app.js", "look.css", "icons.svg", "parts/brush.js", ".hidden", "notes.txt"):
        (folder / name).write_text(name)
    (folder.parent / "secret.js").write_text("secret")
    return folder


def test_the_pages_files(studio, page):
    with client_of(studio, page=page) as client:
        client.headers.update(BEARER)
        types = {"app.js": "text/javascript", "look.css": "text/css", "icons.svg": "image/svg+xml"}
        for name, kind in (types | {"parts/brush.js": "text/javascript"}).items():
            response = client.get(f"/static/{name}")
            assert (response.text, response.headers["content-type"].partition(";")[0]) == (name, kind)
        again = client.get("/static/app.js", headers={"If-None-Match": client.get("/static/app.js").headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/").text == "index.html"
        (page / "late.js").write_text("late")
        for name in ("late.js", ".hidden", "notes.txt", "parts", ""):
            refused(client.get(f"/static/{name}"), 404)


OUTSIDE = [
    "/static/../guard.py", "/static/%2e%2e/guard.py", "/static/..%2fguard.py", "/static/a/../../guard.py", "/guard.py",
    "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/..%5cguard.py", "/static/index.html%00", "/../guard.py",
    "/static/./index.html", "/static/%252e%252e/guard.py", "/static/%2e%2e%2fpage%2findex.html", "//static/index.html",
]  # fmt: skip


def test_no_path_leads_out_of_the_page(studio):
    with running(studio) as port:
        assert exchange(port, "GET /static/index.html", BEARER)[0] == 200
        for path in OUTSIDE:
            status, _, body = exchange(port, f"GET {path}", BEARER)
            assert (status, set(json.loads(body))) == (404, {"error", "hint"}), path


def test_a_page_that_is_not_there(studio, tmp_path):
    with pytest.raises(SettingsError, match=r"index\.html"):
        app(studio, TOKEN, port=PORT, page=tmp_path)


# Addresses


@pytest.mark.parametrize(
    "path",
    [
        "/api/pictures/{bad}", "/api/pictures/{bad}/view.webp", "/api/jobs/{bad}", "/api/jobs/{bad}/result",
        "/api/pictures/{good}/references/{bad}.webp", "/api/pictures/{good}/thumbnails/{bad}.webp",
        "/api/folder/{bad}.webp",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "bad",
    ["..", "%2e%2e", "..%2f..%2fetc", "x", NOBODY.upper(), f"{NOBODY}0", f"{NOBODY}%0a", "%00", "é", "-1", "a" * 9999],
)  # fmt: skip
def test_names_in_addresses_are_checked(client, studio, path, bad):
    good = opened(client)
    refused(client.get(path.format(bad=bad, good=good)), 404)
    assert studio.sessions[good].did == []


@pytest.mark.parametrize("key", ["preset-x", "filter-night-sea", "layer-blocks.3.2", "channel-block8-37"])
def test_keys_of_thumbnails(client, studio, key):
    picture = opened(client)
    refused(client.get(f"/api/pictures/{picture}/thumbnails/{key}.webp"), 404, "not made")
    assert studio.sessions[picture].did == [("made_thumbnail", key)]
    made = client.get(f"/api/pictures/{picture}/thumbnails/layer-inception_4c%2Foutput.webp")
    assert made.content == WEBP


@pytest.mark.parametrize(
    "key",
    [
        "layer-../x",
        "layer-a//b",
        "layer-/etc",
        "layer-.a",
        "layer-a.",
        "preset-",
        "other-a",
        "layer-a b",
        "layer-" + "a" * 115,
    ],
)
def test_keys_that_could_be_paths(client, studio, key):
    picture = opened(client)
    refused(client.get(f"/api/pictures/{picture}/thumbnails/{key.replace('/', '%2F')}.webp"), 404)
    assert studio.sessions[picture].did == []


def test_what_is_not_there(client):
    for path in ("", "/view.webp", "/command", "/painting.phosphene", "/regions.webp"):
        refused(client.get(f"/api/pictures/{NOBODY}{path}"), 404, NOBODY, "Open one.")
    picture = f"/api/pictures/{opened(client)}"
    refused(client.get(f"{picture}/regions.webp"), 404, "style")
    refused(client.get(f"{picture}/references/{NOBODY}.webp"), 404, "Add it first.")
    refused(client.get("/api/folder/7.webp"), 404)
    refused(client.delete(f"/api/jobs/{NOBODY}"), 404)
    refused(client.get("/api/looks/"), 404, "openapi.json")
    refused(client.put("/api/pictures"), 405, "GET", "POST")
    client.delete(picture)
    refused(client.get(picture), 404)


def test_without_a_folder(tmp_path):
    with client_of(Studio(tmp_path)) as client:
        assert client.get("/api/folder", headers=BEARER).json() == {"folder": None, "pictures": [], "left_out": ""}


# What is sent: files


def test_a_files_name_is_only_shown(client, studio):
    names = {
        "../../etc/passwd": "passwd",
        "C:\\a\\b.jpg": "b.jpg",
        "": "picture",
        "a\x00\u202eb": "ab",
        "..": "..",
        "é/": "picture",
    }
    for given_name in names:
        client.post("/api/pictures", params={"name": given_name}, content=b"x")
    assert [name for _, name in studio.opened] == list(names.values())
    client.post("/api/pictures", params={"name": "x" * 999}, content=b"x")
    assert len(studio.opened[-1][1]) == 120


def test_a_file_that_is_no_picture(client):
    told = refused(client.post("/api/pictures?name=a.jpg", content=b"broken"), 400)
    assert told == {"error": "a.jpg is no picture.", "hint": "Take a JPEG, or a PNG."}


def test_what_nobody_foresaw_stays_here(client, caplog):
    told = refused(client.post("/api/pictures", content=b"bug"), 500, "fault", "terminal")
    assert "secret" not in str(told)
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("address", ["/api/pictures", "/api/paintings"])
def test_files_are_sent_as_they_are(client, studio, address):
    refused(client.post(address, content=b""), 400, "0 bytes")
    refused(client.post(address, files={"file": b"x"}), 415, "multipart", "--data-binary")
    refused(client.post(address, content=b"x", headers={"Content-Encoding": "gzip"}), 415, "Content-Encoding")
    refused(client.post("/api/paintings", json={}), 415, "json")
    assert studio.opened == []


def test_a_file_that_is_too_large(studio):
    with client_of(studio, upload_bytes=5000) as client:
        client.headers.update(BEARER)
        refused(client.post("/api/pictures", content=b"x" * 5001), 413, "5000 bytes")
        refused(client.post("/api/pictures", content=b"x", headers={"Content-Length": "9" * 5000}), 413)
        refused(client.post("/api/pictures", content=b"x", headers={"Content-Length": "-1"}), 413)
        assert studio.opened == []
        assert client.post("/api/pictures", content=b"x" * 5000).status_code == 201
        assert client.get("/api/looks").json()["limits"] == {"bytes": 5000, "pixels": 9}


def test_a_file_that_does_not_say_how_large_it_is(studio):
    chunked = BEARER | {"Transfer-Encoding": "chunked"}
    with running(studio, upload_bytes=5000) as port:
        for chunks, expected in ((5, 201), (6, 413)):
            body = (b"3e8\r\n" + b"x" * 1000 + b"\r\n") * chunks + b"0\r\n\r\n"
            assert exchange(port, "POST /api/pictures", chunked, body)[0] == expected
    assert studio.opened == [(5000, "picture")]


def test_a_slow_file(studio):
    with running(studio, idle_seconds=0.2) as port:
        started = {**BEARER, "Content-Length": "1000"}
        status, headers, body = exchange(port, "POST /api/pictures", started, b"only this")
        assert (status, headers["connection"]) == (408, "close")
        assert "too slow" in json.loads(body)["error"]
    with running(studio, upload_seconds=0.4, idle_seconds=10) as port, spoken(port) as caller:
        caller.sendall(request("POST /api/pictures", port, started))
        with contextlib.suppress(OSError):
            while not select.select([caller], [], [], 0.1)[0]:
                caller.sendall(b"x")
        assert answer(caller)[0] == 408
    assert studio.opened == []


def test_a_file_that_is_broken_off(studio, caplog):
    with running(studio) as port:
        with spoken(port) as caller:
            caller.sendall(request("POST /api/pictures", port, {**BEARER, "Content-Length": "1000"}) + b"x")
        assert exchange(port, "GET /api/looks", BEARER)[0] == 200
    assert studio.opened == []
    assert caplog.text == ""


def test_files_at_once(studio):
    with running(studio, uploads=1) as port, spoken(port) as first:
        first.sendall(request("POST /api/pictures", port, {**BEARER, "Content-Length": "3"}) + b"x")
        until(lambda: exchange(port, "POST /api/pictures", {**BEARER, "Content-Length": "1"}, b"x")[0] == 503)
        first.sendall(b"xx")
        assert answer(first)[0] == 201
        assert exchange(port, "POST /api/pictures", {**BEARER, "Content-Length": "1"}, b"x")[0] == 201


# What is sent: JSON


def test_a_pictures_life(client, studio):
    picture = f"/api/pictures/{opened(client)}"
    assert (
        client.put(f"{picture}/ground", json={"kind": "style", "filter": "woodcut"}).json()["ground"]["strength"]
        == StyleSettings.strength
    )
    assert client.get(f"{picture}/regions.webp").content == WEBP
    assert (
        client.put(
            f"{picture}/ground", json=None, content=b"null", headers={"Content-Type": "application/json"}
        ).json()["ground"]
        is None
    )
    assert client.post(f"{picture}/strokes", json=STROKE).json()["strokes"] == 1
    (did,) = studio.sessions[picture[-16:]].did
    assert did == ("stroke", Brush(40, LOOK), ((1, 2, 0.5), (3.5, 4, 1)), 1.5)
    short = {"brush": {"size": 40, "look": LOOK}, "points": [[0, 0, 1]]}
    client.post(f"{picture}/strokes", json=short)
    assert studio.sessions[picture[-16:]].did[1] == ("stroke", Brush(40, LOOK), ((0, 0, 1),), 1)
    job = client.post(f"{picture}/renders", json={})
    assert client.get(job.headers["location"]).json() == job.json()
    studio.jobs[job.json()["id"]].called = "Käse\r\n.png"
    result = client.get(f"{job.headers['location']}/result")
    assert result.content == b"PNG"
    assert result.headers["content-disposition"] == "attachment; filename*=utf-8''K%C3%A4se%0D%0A.png"
    ranking = client.post(f"{picture}/rankings", json={"reference": NOBODY}).json()["id"]
    refused(client.get(f"/api/jobs/{ranking}/result"), 409, "waiting")
    assert client.delete(f"/api/jobs/{ranking}").json()["state"] == "cancelled"
    assert client.post("/api/pictures", json={"canvas": "clouds", "width": 64, "height": 48}).status_code == 201
    assert studio.opened[-1] == ("clouds", 64, 48, 0)


WRONG = [
    ("PUT", "ground", {"kind": "dream"}, "names preset, perhaps with colour or scale or seed; layer, perhaps"),
    ("PUT", "ground", {"kind": "drem", "preset": "x"}, "Did you mean 'dream'?"),
    ("PUT", "ground", {"kind": "erase"}, "dream, style"),
    ("PUT", "ground", {"preset": "x"}, "kind is missing"),
    ("PUT", "ground", {**LOOK, "strength": 9}, "strength is 9.0. A dream takes 0.2 to 5."),
    ("PUT", "ground", {**LOOK, "strength": True}, "number"),
    ("PUT", "ground", {**LOOK, "chanel": 3}, "chanel is unknown"),
    ("PUT", "ground", {**LOOK, "layer": "block8"}, "names preset, perhaps with colour or scale or seed; layer"),
    ("PUT", "ground", {"kind": "dream", "layer": "block8", "channel": 1.5}, "integer"),
    ("PUT", "ground", {"kind": "dream", "layer": "../../x"}, "a name"),
    ("PUT", "ground", {"kind": "style", "filter": "/etc/passwd"}, "a name"),
    ("PUT", "ground", {"kind": "style", "reference": "1234"}, "16 digits"),
    ("POST", "rankings", {"reference": "1234"}, "16 digits"),
    ("PUT", "ground", {"kind": ["dream"], "preset": "x"}, "dream, style"),
    ("PUT", "ground", [], "an object"),
    ("PUT", "ground", "x" * 10_000, "an object"),
    ("POST", "strokes", {**STROKE, "points": []}, "0 items"),
    ("POST", "strokes", {**STROKE, "points": [[1, 2]]}, "points[0][2] is missing"),
    ("POST", "strokes", {**STROKE, "points": [[1, 2, 3]]}, "points[0][2] is 3"),
    ("POST", "strokes", {**STROKE, "seconds": -1}, "0 to 60"),
    ("POST", "strokes", {**STROKE, "brush": {**BRUSH, "size": 3}}, "brush.size is 3"),
    ("POST", "strokes", {**STROKE, "brush": {**BRUSH, "look": {"kind": "style"}}}, "filter, perhaps with seed"),
    ("POST", "thumbnails", {"set": "channels"}, "layer"),
    ("POST", "thumbnails", {"set": "presets", "layer": "block8"}, "layer is unknown"),
    ("POST", "thumbnails", {"set": "all"}, "presets, filters, layers, channels"),
    ("POST", "variations", {"look": LOOK, "seeds": []}, "seeds has 0 items"),
    ("POST", "renders", {"format": "gif"}, "png, jpeg, webp, tiff"),
    ("POST", "renders", {"long_side": 1}, "16 to 100000"),
    ("POST", "films", {"kind": "slide show"}, "zoom, strokes"),
    ("POST", "films", {"kind": "zoom", "seconds": 100}, "1 to 60"),
    ("POST", "films", {"kind": "strokes", "loop": True}, "loop is unknown"),
    ("POST", "rankings", {}, "reference is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "place", "body", "says"), WRONG)
def test_json_that_does_not_fit(client, studio, method, place, body, says):
    picture = opened(client)
    refused(client.request(method, f"/api/pictures/{picture}/{place}", json=body), 400, says)
    assert studio.sessions[picture].did == []


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "NaN", '{"kind": NaN}', '{"kind":"dream","preset":"x","strength":-Infinity}', "\xff",
        "1" * 9999, "[" * 99_999,
        '{"kind":"dream","preset":"x","strength":1e999}', '{"kind":"dream","kind":"dream","preset":"x"}', "\ud800",
    ],
)  # fmt: skip
def test_what_is_not_json(client, studio, text):
    picture = opened(client)
    kind = {"Content-Type": "application/json"}
    data = text.encode("utf-8", "surrogatepass") if text != "\xff" else b"\xff"
    refused(client.put(f"/api/pictures/{picture}/ground", content=data, headers=kind), 400)
    refused(client.put(f"/api/pictures/{picture}/ground", content=b"null"), 415, "application/json")


@pytest.mark.parametrize(("width", "height"), [(20_000, 20), (31, 64), (64, 8193)])
def test_a_canvas_has_the_size_that_is_published(client, width, height):
    refused(client.post("/api/pictures", json={"canvas": "grey", "width": width, "height": height}), 400)
    side = client.get("/api/openapi.json").json()["components"]["schemas"]["Canvas"]["properties"]["width"]
    assert (side["minimum"], side["maximum"]) == CANVAS_SIDES


def test_json_that_is_too_large(client):
    data = b'{"kind":"' + b"x" * 1_000_000 + b'"}'
    response = client.put(
        f"/api/pictures/{opened(client)}/ground", content=data, headers={"Content-Type": "application/json"}
    )
    refused(response, 413, "1 MB")


@pytest.mark.parametrize(
    "body",
    [{"canvas": "clouds"}, {"folder": -1}, {"folder": "0"}, {"folder": 0, "canvas": "x"}, {}, {"path": "/etc/passwd"},
     {"canvas": "../x", "width": 64, "height": 64}, {"canvas": "clouds", "width": 10**9, "height": 64}],
)  # fmt: skip
def test_new_pictures_that_do_not_fit(client, studio, body):
    refused(client.post("/api/pictures", json=body), 400)
    assert studio.opened == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
KINDS = st.sampled_from(
    ["dream", "style", "erase", "begin", "end", "presets", "channels", "block8", NOBODY, 1, 0.5, None]
)
WORDS = st.sampled_from(
    ["kind", "preset", "layer", "reference", "strength", "brush", "size", "do", "set", "seconds", "seed"]
)
NEAR = st.recursive(
    KINDS | JSON,
    lambda inner: st.dictionaries(WORDS, inner, max_size=5) | st.lists(inner, max_size=3),
    max_leaves=12,
)
SHAPES = list(shapes.TAKEN)
VALID = [
    {**LOOK, "strength": 2},
    STROKE,
    BEGIN,
    {"do": "points", "points": [[1, 2, 1]]},
    {"set": "channels", "layer": "a"},
    {"kind": "dream", "reference": NOBODY, "layer": None},
    {"format": "png", "long_side": None},
    {"reference": NOBODY},
    {"canvas": "clouds", "width": 64, "height": 64},
    BRUSH,
    None,
]


def mutated(value, draw):
    """A valid value with one thing changed somewhere in it."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        name = draw(st.sampled_from(sorted(value)))
        less = {key: item for key, item in value.items() if key != name}
        return draw(
            st.sampled_from([less, value | {draw(WORDS): draw(NEAR)}, value | {name: mutated(value[name], draw)}])
        )
    if isinstance(value, list) and value and draw(st.booleans()):
        return [mutated(value[0], draw), *value[1:]]
    return draw(st.sampled_from([value]) | NEAR)


@given(st.data())
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_check_is_what_is_published(data):
    value = mutated(data.draw(st.sampled_from(VALID)), data.draw)
    for name in SHAPES:
        fits = validator(name).is_valid(value)
        try:
            shapes.read(json.dumps(value), name)
        except Refusal as no:
            assert (no.status, bool(no.error and no.hint), fits) == (400, True, False), (name, value)  # noqa: PT017
        else:
            assert fits, (name, value)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_json_or_refused(data):
    with contextlib.suppress(Refusal):
        shapes.read(data, "GroundOrNone")


def test_a_long_tail_does_not_belong_to_a_name():
    with pytest.raises(Refusal):
        shapes.read(json.dumps({"kind": "dream", "preset": "x\n"}), "GroundOrNone")


def validator(name):
    document = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    return jsonschema.Draft202012Validator(document)


# The description


def test_the_description_is_of_this_server(studio):
    routes = [route for route in app(studio, TOKEN, port=PORT).app.routes if isinstance(route, Route)]
    served = {
        (method.lower(), route.path.replace(":path}", "}"))
        for route in routes
        for method in route.methods - {"HEAD"}
        if route.path.startswith("/api")
    }
    assert served == {(operation.method, operation.path) for operation in OPERATIONS}
    names = [each["operationId"] for path in openapi(OPERATIONS)["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))
    for name in SCHEMAS:
        jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


BODIES = {
    ("post", "/api/pictures"): {"content": b"x"},
    ("post", "/api/paintings"): {"content": b"x"},
    ("post", "/api/looks"): {"content": b"x"},
    ("post", "/api/pictures/{id}/references"): {"content": b"x"},
    ("put", "/api/pictures/{id}/ground"): {"json": {"kind": "style", "filter": "woodcut"}},
    ("post", "/api/pictures/{id}/strokes"): {"json": STROKE},
    ("post", "/api/pictures/{id}/adjustments"): {"json": {"of": "all", "opacity": 0.5}},
    ("post", "/api/pictures/{id}/thumbnails"): {"json": {"set": "channels", "layer": "block8"}},
    ("post", "/api/pictures/{id}/variations"): {"json": {"look": LOOK, "seeds": [1, 2]}},
    ("post", "/api/pictures/{id}/rankings"): {"json": {"reference": f"{256:016x}"}},
    ("post", "/api/pictures/{id}/renders"): {"json": {"format": "webp"}},
    ("post", "/api/pictures/{id}/films"): {"json": {"kind": "zoom", "seconds": 4, "loop": True}},
}


def test_answers_are_what_is_published(client, studio):
    picture = opened(client)
    client.put(f"/api/pictures/{picture}/ground", json={"kind": "style", "filter": "woodcut"})
    ref = client.post(f"/api/pictures/{picture}/references", content=b"x").json()["id"]
    job = client.post(f"/api/pictures/{picture}/renders", json={}).json()["id"]
    parts = {"id": picture, "ref": ref, "job": job, "number": "0", "key": "layer-inception_4c/output", "guide": "x"}
    published = client.get("/api/openapi.json").json()
    by_deletion = sorted(OPERATIONS, key=lambda each: each.method == "delete")
    for each in by_deletion:
        method, path, takes, status, gives = each.method, each.path, each.takes, each.status, each.gives
        response = client.request(method, path.format(**parts), **BODIES.get((method, path), {}))
        assert response.status_code == status, (method, path, response.text)
        assert str(status) in published["paths"][path][method]["responses"]
        assert bool(takes) == ((method, path) in BODIES)
        if gives in SCHEMAS:
            validator(gives).validate(response.json())
        elif status != 204:
            assert response.headers["content-type"] in (gives, "image/png")
    validator("Error").validate(client.get("/api/nothing").json())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfSpaceError("a\nb"), 503),
        (NonFiniteError("a"), 500),
        (MemoryError(), 503),
        (OSError(28, "full"), 503),
        (KeyError("x"), 500),
    ],
)
def test_errors_have_a_status(error, status):
    assert answers.refusal(error).status == status


def test_the_page_offers_the_usual_strengths_of_the_program():
    (told,) = re.findall(
        r"USUAL = \{ dream: ([\d.]+), style: ([\d.]+) \}", (guard.FOLDER / "looks.js").read_text("utf-8")
    )
    assert tuple(map(float, told)) == (STRENGTHS[DREAM][2], STRENGTHS[STYLE][2])


def test_a_picture_that_is_too_large_is_refused_in_the_studios_own_words():
    with pytest.raises(TooLargeError) as caught:
        check_size("cat.png", 30_000, 30_000, 100_000_000)
    told = answers.refusal(caught.value)
    assert "30000×30000" in told.error
    assert "--" not in told.error + told.hint
    assert told.status == 400
