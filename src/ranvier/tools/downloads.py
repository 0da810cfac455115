"""`get_file`: a file from the network, kept in the user's cache; whole and checked, or not there at all."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import urllib.parse
from pathlib import Path
from typing import IO, Any

from ..core import settings
from ..core.errors import ArgumentError, ArgumentTypeError, DownloadError
from ..files.atomic import replacing
from .interactive import print_message
from .progbar import Progbar

__all__ = ["get_file", "shown"]

_LARGEST = 64 << 30  # bytes
_CHUNK = 1 << 18
_FORMATS = ("tar", "zip")
_DIGITS = {"md5": 32, "sha256": 64}
_ARCHIVE_ENDING = re.compile(r"\.(tar|tar\.(gz|bz2?|xz)|tgz|tbz2?|txz|zip)$", re.IGNORECASE)


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """A file from a URL, downloaded unless the cache has it.

    The file appears under its name only when it is complete and its hash, if given, is right. Archives are unpacked
    by rules of our own: a member that leads out of its folder, a link, a device or a bomb is refused by name.

    Args:
        fname: the file's name in the cache, without folders; None: that in the URL. With `extract`, the name of the
            folder, or of the archive if it ends as archives do.
        origin: the URL: ``https:``, ``http:`` or ``file:``.
        untar: the old name of `extract`, for tar archives.
        md5_hash: the old name of `file_hash`, for MD5.
        file_hash: the expected hash, in hexadecimal digits. Give it wherever you know it.
        cache_subdir: the folder inside the cache, or an absolute path.
        hash_algorithm: "sha256", "md5", or "auto" to tell them by their length.
        extract: unpack the archive.
        archive_format: "auto" for both, "tar" (also gzip, bzip2, xz), "zip", or a list of these.
        cache_dir: the cache; None: ``RANVIER_HOME``, or the user's cache folder.
        force_download: download even if the cache has it.

    Returns:
        The path of the file, or of the folder with what was unpacked: ``name`` for a name without an archive's
        ending, ``name_extracted`` otherwise.

    Raises:
        ArgumentError: no origin, another scheme, a name with folders in it, a hash that is none.
        DownloadError: no connection, no such file, one that is cut short, too large, or has another hash.
        DataError: an archive that is refused.
    """
    if not isinstance(origin, str) or not origin:
        raise ArgumentError(f"origin must be the URL of the file to download. Received: origin={origin!r}")
    scheme = urllib.parse.urlsplit(origin).scheme.lower()
    if scheme not in ("https", "http", "file"):
        raise ArgumentError(f"origin must be an https:, http: or file: URL. Received: origin={shown(origin)!r}")
    digest = _digest(file_hash, md5_hash, hash_algorithm)
    unpack = extract or untar
    formats = _formats("tar" if untar and archive_format == "auto" else archive_format) if unpack else ()
    name = _name(fname, origin)
    folder = _folder(cache_dir, cache_subdir)
    if not unpack:
        path = folder / name
        _fetch(origin, path, digest, force_download)
        return str(path)
    from . import archives  # this and .http bring in much of the standard library, for the first file only

    if fname is not None and _ARCHIVE_ENDING.search(name):
        path, target = folder / name, folder / (_ARCHIVE_ENDING.sub("", name) + "_extracted")
    else:
        path, target = folder / (name + "_archive"), folder / name
    fresh = _fetch(origin, path, digest, force_download)
    if fresh or not target.is_dir():
        archives.extract(path, target, formats)
    return str(target)


def _name(fname: Any, origin: str) -> str:
    if fname is None:
        name = urllib.parse.unquote(urllib.parse.urlsplit(origin).path).rpartition("/")[2]
        if not name:
            raise ArgumentError(f"The URL {shown(origin)!r} names no file. Give fname, the name to keep it under.")
    elif isinstance(fname, (str, os.PathLike)):
        name = os.fspath(fname)
    else:
        raise ArgumentTypeError(f"fname must be a file name. Received: fname={fname!r}")
    if name in ("", ".", "..") or set(name) & set("/\\\0") or re.match(r"[A-Za-z]:", name):
        raise ArgumentError(
            f"fname must be a name without folders; cache_dir and cache_subdir say where. Received: {name!r}"
        )
    return name


def _folder(cache_dir: Any, cache_subdir: str) -> Path:
    """The folder to keep the file in, made if it is not there; the cache itself is the user's alone."""
    base = settings.cache_folder() if cache_dir is None else Path(cache_dir).expanduser()
    inner = Path(cache_subdir)
    if not inner.is_absolute() and ".." in inner.parts:
        raise ArgumentError(f"cache_subdir must lie inside the cache. Received: cache_subdir={cache_subdir!r}")
    folder = base / inner
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(
            f"The cache folder {folder} cannot be made: {error}. Give cache_dir, or set RANVIER_HOME to a folder of yours."
        ) from error
    return folder


def _formats(archive_format: Any) -> tuple[str, ...]:
    if archive_format == "auto":
        return _FORMATS
    formats = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    if not formats or any(f not in _FORMATS for f in formats):
        raise ArgumentError(
            f"archive_format must be 'auto', 'tar', 'zip' or a list of them. Received: archive_format={archive_format!r}"
        )
    return formats


def _digest(file_hash: str | None, md5_hash: str | None, algorithm: str) -> tuple[str, str] | None:
    """(algorithm, hexadecimal digits), or None where nothing is known."""
    if algorithm not in ("auto", *_DIGITS):
        raise ArgumentError(f"hash_algorithm must be 'auto', 'sha256' or 'md5'. Received: hash_algorithm={algorithm!r}")
    if md5_hash is not None and file_hash is None:
        file_hash, algorithm = md5_hash, "md5"
    if file_hash is None:
        return None
    text = str(file_hash).strip().lower()
    if algorithm == "auto":
        algorithm = "md5" if len(text) == _DIGITS["md5"] else "sha256"
    if not re.fullmatch(f"[0-9a-f]{{{_DIGITS[algorithm]}}}", text):
        raise ArgumentError(
            f"file_hash must be the {_DIGITS[algorithm]} hexadecimal digits of a hash by {algorithm}. Received: {file_hash!r}"
        )
    return algorithm, text


def _fetch(origin: str, path: Path, digest: tuple[str, str] | None, force: bool) -> bool:
    """Have the file at `path`; whether it was downloaded just now."""
    if path.is_file() and not force:
        if digest is None or _hash(path, digest[0]) == digest[1]:
            return False
        print_message(f"{path} is not the file that was expected (its {digest[0]} differs); it is downloaded again.")
    import http.client

    from .http import open_url

    print_message(f"Downloading data from {shown(origin)}")
    try:
        source, length = open_url(origin)
        with source, replacing(path) as target:
            _copy(source, target, origin, length, digest, shutil.disk_usage(path.parent).free)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, DownloadError):
            raise
        raise DownloadError(f"{shown(origin)} could not be downloaded: {getattr(error, 'reason', error)}") from error
    return True


def _copy(
    source: Any, target: IO[bytes], origin: str, length: int | None, digest: tuple[str, str] | None, free: int
) -> None:
    if length is not None and length > min(_LARGEST, free):
        raise DownloadError(f"{shown(origin)} has {length:,} bytes; at most {min(_LARGEST, free):,} can be taken.")
    seen = hashlib.new(digest[0]) if digest else None
    bar = Progbar(None if length is None else max(1, -(-length // 10**6)), unit_name="MB")
    received = 0
    while chunk := source.read(_CHUNK):
        received += len(chunk)
        if received > _LARGEST:
            raise DownloadError(f"{shown(origin)} has more than {_LARGEST:,} bytes, the most that is taken.")
        target.write(chunk)
        if seen is not None:
            seen.update(chunk)
        if length is None or received < length:
            bar.update(received // 10**6, finalize=False)
    if length is not None and received != length:
        raise DownloadError(f"{shown(origin)} was cut short: {received:,} bytes of {length:,} came. Try again.")
    if digest is not None and seen is not None and seen.hexdigest() != digest[1]:
        raise DownloadError(
            f"What {shown(origin)} gave is not the file that was expected: its {digest[0]} is {seen.hexdigest()} instead of "
            f"{digest[1]}. It was not kept."
        )
    bar.update(max(1, -(-received // 10**6)), finalize=True)


def _hash(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def shown(url: str) -> str:
    """The URL for a message: without what may be secret in it."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
