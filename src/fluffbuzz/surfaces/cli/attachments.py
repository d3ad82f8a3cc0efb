"""What `ask` is given besides its arguments: piped text, files and images, each checked before anything is sent."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from fluffbuzz.core.errors import UsageError
from fluffbuzz.core.messages import Image, Message, user

MAX_TEXT = 16 * 1024 * 1024
"""Bytes of one attached text file; more fits no window."""

MAX_IMAGE = 20 * 1024 * 1024
"""Bytes of one image."""

_IMAGES = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"BM": "image/bmp"}


def compose(words: Sequence[str], piped: str, files: Sequence[Path], images: Sequence[Path]) -> Message:
    """The user's message: the words, then piped text, then each file under its name, then the images.

    Raises:
        UsageError: there is nothing to ask, or a file cannot be attached.
    """
    texts = [" ".join(words), piped.rstrip("\n"), *map(_file, files)]
    text = "\n\n".join(text for text in texts if text.strip())
    if not text and not images:
        raise UsageError("There is nothing to ask.", 'Try: fluffbuzz ask "What is the capital of France?"')
    return user(text, tuple(map(_image, images)))


def _file(path: Path) -> str:
    data = _read(path, MAX_TEXT)
    try:
        return f"{path.name}:\n```\n{data.decode().rstrip()}\n```"
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text file (UTF-8).", "Attach a picture with --image.") from None


def _image(path: Path) -> Image:
    data = _read(path, MAX_IMAGE)
    known = next((media for magic, media in _IMAGES.items() if data.startswith(magic)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        known = "image/webp"
    media_type = known or mimetypes.guess_type(path.name)[0] or ""
    if not media_type.startswith("image/"):
        raise UsageError(f"{path} is not an image.", "Attach a text file with --file.")
    return Image(media_type, data)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    if len(data) > limit:
        raise UsageError(f"{path} is larger than {limit // 2**20} MiB.")
    return data
