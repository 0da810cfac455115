"""Archives that mean harm are refused by the member's name, and leave nothing behind."""

import io
import tarfile
import warnings
import zipfile

import numpy as np
import pytest

from ranvier.core.errors import DataError
from ranvier.tools import archives


def _tar(path, *members):
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            name, content, changes = (*member, {})[:3]
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changes.items():
                setattr(info, key, value)
            tar.addfile(info, io.BytesIO(content))
    return path


def _zip(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names there twice, which is the point
        for member in members:
            name, content, changes = (*member, {})[:3]
            info = zipfile.ZipInfo("x")
            info.filename = name  # the constructor would tidy it
            for key, value in changes.items():
                setattr(info, key, value)
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


GOOD = ("ok/first.txt", b"1")


@pytest.mark.parametrize("make", [_tar, _zip])
def test_plain_archives_are_unpacked(tmp_path, make):
    path = make(tmp_path / "a", GOOD, ("./ok//second.txt", b"2"), ("top", b""))
    archives.extract(path, tmp_path / "out")
    found = {str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()}
    assert found == {"ok/first.txt": b"1", "ok/second.txt": b"2", "top": b""}


@pytest.mark.parametrize("make", [_tar, _zip])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil", "leads out"),
        ("ok/../../evil", "leads out"),
        ("/etc/evil", "absolute"),
        ("C:/evil", "absolute"),
        ("ok\\..\\..\\evil", "different things"),
        ("ok/first.txt", "is there twice"),
        ("./ok/./first.txt", "is there twice"),
        ("ok/first.txt/inner", "needs a folder"),
    ],
)
def test_paths_that_are_refused(tmp_path, make, name, why):
    path = make(tmp_path / "a", GOOD, (name, b"x"))
    with pytest.raises(DataError, match=why) as caught:
        archives.extract(path, tmp_path / "deep" / "out")
    assert "evil" in str(caught.value) or "first.txt" in str(caught.value)
    assert [p.name for p in tmp_path.rglob("*")].count("evil") == 0
    assert list((tmp_path / "deep").iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (tarfile.SYMTYPE, "is a link to 'ok/first.txt'"),
        (tarfile.LNKTYPE, "is a link to 'ok/first.txt'"),
        (tarfile.CHRTYPE, "is a device"),
        (tarfile.FIFOTYPE, "is a device"),
    ],
)
def test_links_and_devices_in_a_tar(tmp_path, kind, why):
    path = _tar(tmp_path / "a.tar", GOOD, ("odd", b"", {"type": kind, "linkname": "ok/first.txt"}))
    with pytest.raises(DataError, match=f"member 'odd' {why}"):
        archives.extract(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mode", "why"), [(0o120777, "is a link"), (0o020666, "is a device")])
def test_links_and_devices_in_a_zip(tmp_path, mode, why):
    path = _zip(tmp_path / "a.zip", GOOD, ("odd", b"/etc/passwd", {"external_attr": mode << 16}))
    with pytest.raises(DataError, match=f"'odd' is refused: it {why}"):
        archives.extract(path, tmp_path / "out")


@pytest.mark.parametrize("make", [_tar, _zip])
def test_bombs(tmp_path, make, monkeypatch):
    monkeypatch.setattr(archives, "_ALWAYS_ALLOWED", 1000)
    path = make(tmp_path / "a", GOOD, ("zeros", bytes(10_000_000)))
    with pytest.raises(DataError, match="member 'zeros' brings the whole to more than"):
        archives.extract(path, tmp_path / "out")
    monkeypatch.setattr(archives, "_MOST_MEMBERS", 1)
    with pytest.raises(DataError, match="more than 1 members"):
        archives.extract(path, tmp_path / "out")


def test_a_damaged_archive_leaves_the_old_folder(tmp_path):
    path = _zip(tmp_path / "a", ("file", b"hello world" * 100))
    archives.extract(path, tmp_path / "out")
    content = bytearray(path.read_bytes())
    content[40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        archives.extract(path, tmp_path / "out")
    assert (tmp_path / "out" / "file").read_bytes() == b"hello world" * 100
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "out"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_way_to_compress_a_zip(tmp_path, method):
    content = np.random.default_rng(0).integers(0, 9, 3_000_000).astype(np.uint8).tobytes() + bytes(3_000_000)
    with zipfile.ZipFile(tmp_path / "a", "w", method) as archive:
        archive.writestr("file", content)
        archive.writestr("nothing", b"")
    archives.extract(tmp_path / "a", tmp_path / "out")
    assert (tmp_path / "out" / "file").read_bytes() == content
    assert (tmp_path / "out" / "nothing").read_bytes() == b""
    damaged = bytearray((tmp_path / "a").read_bytes())
    damaged[100_000] ^= 1
    (tmp_path / "a").write_bytes(damaged)
    with pytest.raises(DataError, match="damaged"):
        archives.extract(tmp_path / "a", tmp_path / "again")
    assert not (tmp_path / "again").exists()


class _Pipe(io.RawIOBase):
    """A file that cannot go back, so that sizes follow the members."""

    def __init__(self, path):
        self._file = path.open("wb")

    def writable(self):
        return True

    def write(self, data):
        return self._file.write(data)

    def close(self):
        self._file.close()


def test_zips_of_all_kinds_of_programs(tmp_path):
    with _Pipe(tmp_path / "a") as pipe, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("größe/README", b"1")
        archive.writestr("größe/Readme", b"2")
        with archive.open("large", "w", force_zip64=True) as member:
            member.write(b"3" * 1000)
    archives.extract(tmp_path / "a", tmp_path / "out")
    found = {
        p.relative_to(tmp_path / "out").as_posix(): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert found == {"größe/README": b"1", "größe/Readme": b"2", "large": b"3" * 1000}
    # An old code page: no mark that the name is UTF-8.
    path = _zip(tmp_path / "b", ("xxx", b"1"))
    path.write_bytes(path.read_bytes().replace(b"xxx", "é.t".encode("cp437")))
    archives.extract(path, tmp_path / "old")
    assert [p.name for p in (tmp_path / "old").iterdir()] == ["é.t"]


@pytest.mark.parametrize("make", [_tar, _zip])
def test_names_that_no_file_system_takes(tmp_path, make):
    for name in ("x" * 300, "é" * 150, "x/" * 600 + "y"):
        with pytest.raises(DataError, match="longer than file systems take"):
            archives.extract(make(tmp_path / "a", GOOD, (name, b"")), tmp_path / "out")


def test_modes_of_members_are_not_kept(tmp_path):
    path = _tar(tmp_path / "a.tar", ("tool", b"#!", {"mode": 0o4777}))
    archives.extract(path, tmp_path / "out")
    assert (tmp_path / "out" / "tool").stat().st_mode & 0o6111 == 0
