"""get_file: whole and checked files only, Keras's paths, and nothing from where it should not come."""

import hashlib
import http.server
import tarfile
import threading
import zipfile
from pathlib import Path

import keras
import pytest

from ranvier import utils
from ranvier.core.errors import ArgumentError, ArgumentTypeError, DataError, DownloadError

CONTENT = b"some bytes " * 1000


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("RANVIER_HOME", str(tmp_path / "home"))
    utils.disable_interactive_logging()
    yield tmp_path / "home"
    utils.enable_interactive_logging()


@pytest.fixture
def origin(tmp_path):
    (tmp_path / "data.bin").write_bytes(CONTENT)
    return (tmp_path / "data.bin").as_uri()


class _Site(http.server.BaseHTTPRequestHandler):
    visits: list = []

    def do_GET(self):
        self.visits.append(self.path)
        if self.path == "/missing":
            return self.send_error(404)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            return self.end_headers()
        self.send_response(200)
        if self.path != "/unknown-length":
            self.send_header("Content-Length", str(len(CONTENT) + (10 if self.path == "/short" else 0)))
        self.end_headers()
        return self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Site.visits.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_lands_in_the_users_cache_and_is_fetched_once(site, home):
    path = utils.get_file(origin=f"{site}/data.bin?secret=1")
    assert path == str(home / "datasets" / "data.bin")
    assert (home / "datasets" / "data.bin").read_bytes() == CONTENT
    assert utils.get_file(origin=f"{site}/data.bin") == path
    assert len(_Site.visits) == 1
    utils.get_file(origin=f"{site}/data.bin", force_download=True)
    assert len(_Site.visits) == 2
    assert [p.name for p in (home / "datasets").iterdir()] == ["data.bin"]
    assert (home.stat().st_mode & 0o077) == 0


def test_a_file_of_unknown_length(site):
    assert Path(utils.get_file("x", f"{site}/unknown-length")).read_bytes() == CONTENT


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_hashes(origin, home, algorithm):
    right = hashlib.new(algorithm, CONTENT).hexdigest()
    path = utils.get_file("a", origin, file_hash=right.upper(), hash_algorithm=algorithm)
    (home / "datasets" / "a").write_bytes(b"changed")
    assert Path(utils.get_file("a", origin, file_hash=right)).read_bytes() == CONTENT  # fetched again
    wrong = {"file_hash": "0" * len(right)} if algorithm == "sha256" else {"md5_hash": "0" * 32}
    with pytest.raises(DownloadError, match=f"its {algorithm} is {right} instead of 0000"):
        utils.get_file("b", origin, **wrong)
    assert [p.name for p in (home / "datasets").iterdir()] == ["a"], path


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("/missing", "could not be downloaded: Not Found"),
        ("/short", "cut short: 11,000 bytes of 11,010 came"),
        ("/to/file:///etc/hostname", "Redirection to url 'file:///etc/hostname' is not allowed"),
        ("/to/ftp://example.org/x", "which is refused"),
    ],
)
def test_failed_downloads_leave_nothing(site, home, page, message):
    with pytest.raises(DownloadError, match=message):
        utils.get_file("x", site + page)
    assert list((home / "datasets").iterdir()) == []


def test_nobody_listens_and_no_file(home, tmp_path):
    with pytest.raises(DownloadError, match="could not be downloaded"):
        utils.get_file(origin="http://127.0.0.1:9/x")
    with pytest.raises(DownloadError, match="could not be downloaded"):
        utils.get_file(origin=(tmp_path / "none").as_uri())
    with pytest.raises(DownloadError, match="this machine"):
        utils.get_file(origin="file://elsewhere/x")


def test_redirects_are_followed(site):
    assert Path(utils.get_file("x", f"{site}/to/{site}/data.bin")).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ArgumentError, "origin must be the URL"),
        ({"origin": "ftp://x/y"}, ArgumentError, "https:, http: or file:"),
        ({"origin": "data:,x"}, ArgumentError, "https:, http: or file:"),
        ({"origin": "http://x.y/"}, ArgumentError, "names no file"),
        ({"origin": "http://x.y/%2e%2e"}, ArgumentError, "without folders"),
        ({"origin": "http://x.y/a%2f..%2f..%2fb", "fname": "../b"}, ArgumentError, "without folders"),
        ({"origin": "http://x.y/a", "fname": "/etc/x"}, ArgumentError, "without folders"),
        ({"origin": "http://x.y/a", "fname": 3}, ArgumentTypeError, "fname=3"),
        ({"origin": "http://x.y/a", "cache_subdir": "../up"}, ArgumentError, "inside the cache"),
        ({"origin": "http://x.y/a", "file_hash": "abc"}, ArgumentError, "64 hexadecimal digits"),
        ({"origin": "http://x.y/a", "file_hash": "a" * 64, "hash_algorithm": "sha1"}, ArgumentError, "hash_algorithm="),
        ({"origin": "http://x.y/a", "extract": True, "archive_format": "rar"}, ArgumentError, "archive_format='rar'"),
        ({"origin": "http://x.y/a", "extract": True, "archive_format": None}, ArgumentError, "archive_format=None"),
    ],
)
def test_arguments_that_make_no_sense(arguments, error, message):
    with pytest.raises(error, match=message):
        utils.get_file(**arguments)


@pytest.fixture
def archives(tmp_path):
    (tmp_path / "f.txt").write_text("hi")
    with tarfile.open(tmp_path / "thing.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "f.txt", "top/f.txt")
    with zipfile.ZipFile(tmp_path / "thing.zip", "w") as archive:
        archive.write(tmp_path / "f.txt", "top/f.txt")
    return tmp_path


@pytest.mark.parametrize("file", ["thing.tar.gz", "thing.zip"])
@pytest.mark.parametrize("fname", [None, "folder", "other.tar.gz", "other.tgz"])
@pytest.mark.parametrize("argument", ["extract", "untar"])
def test_archives_are_unpacked_where_keras_puts_them(archives, file, fname, argument):
    if (argument, file) == ("untar", "thing.zip"):
        pytest.skip("untar is for tar archives")
    found = []
    for which, name in ((utils, "ours"), (keras.utils, "theirs")):
        cache = archives / name
        cache.mkdir()
        path = which.get_file(fname, (archives / file).as_uri(), cache_dir=cache, **{argument: True})
        files = {str(p.relative_to(cache)): p.read_bytes() for p in cache.rglob("*") if p.is_file()}
        found.append((path.removeprefix(str(cache)), files))
    assert found[0] == found[1]


def test_unpacking_again_happens_only_for_a_new_archive(archives, home):
    path = utils.get_file("thing", (archives / "thing.zip").as_uri(), extract=True)
    (home / "datasets" / "thing" / "mark").write_text("mine")
    assert utils.get_file("thing", (archives / "thing.zip").as_uri(), extract=True) == path
    assert (home / "datasets" / "thing" / "mark").exists()
    utils.get_file("thing", (archives / "thing.zip").as_uri(), extract=True, force_download=True)
    assert not (home / "datasets" / "thing" / "mark").exists()


def test_what_is_no_archive_is_not_unpacked(origin):
    with pytest.raises(DataError, match="no archive of the formats tar, zip"):
        utils.get_file(origin=origin, extract=True)
