"""The process that reads mails: a letter of what is asked and the bytes in, JSON and files out."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import asdict

import orjson

from mailer_service.confined_loop import serve
from mailer_service.domain.received import Found
from mailer_service.inbound import quotes, reading
from mailer_service.inbound.parts import File

READ, HEAD, CUT = b"R", b"H", b"C"
_LENGTH = struct.Struct(">I")


def read_question(kind: bytes, raw: bytes, return_path: str) -> bytes:
    """What is asked about a mail (READ, or HEAD alone) that came with this MAIL FROM."""
    path = return_path.encode("utf-8", "replace")
    return kind + _LENGTH.pack(len(path)) + path + raw


def answered(answer: bytes) -> tuple[Found, list[File], list[str]]:
    """The answer to READ and HEAD."""
    (length,) = _LENGTH.unpack_from(answer)
    told, place = orjson.loads(answer[_LENGTH.size : _LENGTH.size + length]), _LENGTH.size + length
    files = []
    for one in told["files"]:
        files.append(File(one["filename"], one["media_type"], answer[place : place + one["size"]]))
        place += one["size"]
    return Found(**told["found"]), files, told["left_out"]


def _answer(question: bytes) -> bytes:
    kind, rest = question[:1], question[1:]
    if kind == CUT:
        return quotes.own_words(rest.decode()).encode()
    (length,) = _LENGTH.unpack_from(rest)
    path, raw = rest[_LENGTH.size : _LENGTH.size + length].decode(), rest[_LENGTH.size + length :]
    if kind == HEAD:
        return _told(reading.read_head(raw, path, "its body can't be read"), (), ())
    return _told(*reading.read(raw, path))


def _told(found: Found, files: Sequence[File], left_out: Sequence[str]) -> bytes:
    listed = [{"filename": one.filename, "media_type": one.media_type, "size": len(one.content)} for one in files]
    told = orjson.dumps({"found": asdict(found), "files": listed, "left_out": left_out})
    return b"".join((_LENGTH.pack(len(told)), told, *(one.content for one in files)))


def _load() -> Callable[[bytes], bytes]:
    return _answer


if __name__ == "__main__":
    serve(_load)
