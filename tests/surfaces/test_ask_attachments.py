"""Files and images that go with a question: what is sent of them, and what is refused before anything is sent."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from unittest import mock

import pytest
from tests.surfaces.answers import answering, choice, refusal, stream
from tests.surfaces.desk import Desk, chats, sent_texts

from fluffbuzz.testing import FakeServer

PNG = b"\x89PNG\r\n\x1a\n and so on"
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 and so on"
PICTURES = {
    "png": (PNG, "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0 and so on", "image/jpeg"),
    "gif": (b"GIF89a and so on", "image/gif"),
    "bmp": (b"BM and so on", "image/bmp"),
    "webp": (WEBP, "image/webp"),
}


@pytest.fixture
def seeing(server: FakeServer) -> FakeServer:
    """A server that takes images."""
    server.responder = answering(*stream(choice("a fox", finish="stop")))
    return server


def test_files_follow_the_words_and_the_piped_text_each_under_its_name(
    desk: Desk, server: FakeServer, tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text("print(1)\n")
    (tmp_path / "zwei.txt").write_text("größer\n\n", "utf-8")
    told = desk.ask("Compare", "--file", str(tmp_path / "one.py"), "-f", str(tmp_path / "zwei.txt"), stdin="and this")
    assert told.code == 0
    wanted = "Compare\n\nand this\n\none.py:\n```\nprint(1)\n```\n\nzwei.txt:\n```\ngrößer\n```"
    assert list(sent_texts(chats(server)[0])) == [("user", wanted)]


@pytest.mark.parametrize(("data", "media_type"), PICTURES.values(), ids=PICTURES)
def test_an_image_is_known_by_its_bytes_whatever_its_name(
    desk: Desk, seeing: FakeServer, tmp_path: Path, data: bytes, media_type: str
) -> None:
    picture = tmp_path / "picture.txt"
    picture.write_bytes(data)
    assert desk.ask("What is this?", "--image", str(picture)).out == "a fox\n"
    text, image = chats(seeing)[0]["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    head, _, body = image["image_url"]["url"].partition(",")
    assert (image["type"], head, b64decode(body)) == ("image_url", f"data:{media_type};base64", data)


def test_an_image_of_another_kind_is_known_by_its_name(desk: Desk, seeing: FakeServer, tmp_path: Path) -> None:
    picture = tmp_path / "picture.tiff"
    picture.write_bytes(b"II*\x00")
    assert desk.ask("What is this?", "-i", str(picture)).code == 0
    assert chats(seeing)[0]["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/tiff;base64,")


def test_an_image_needs_no_words(desk: Desk, seeing: FakeServer, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    assert desk.ask("--image", str(picture)).out == "a fox\n"


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--file", None, "cannot be read: No such file or directory."),
        ("--image", None, "cannot be read: No such file or directory."),
        ("--file", PNG, "is not a text file (UTF-8).\nAttach a picture with --image."),
        ("--image", b"plain text", "is not an image.\nAttach a text file with --file."),
        ("--image", b"", "is not an image."),
        ("--image", b"RIFF\x10\x00\x00\x00WAVEfmt ", "is not an image."),
        ("--file", b"x" * (2**20 + 1), "is larger than 1 MiB."),
        ("--image", PNG + b"x" * 2**20, "is larger than 1 MiB."),
    ],
)
def test_what_cannot_be_attached_is_named_and_nothing_is_sent(
    desk: Desk, server: FakeServer, tmp_path: Path, option: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / "attachment"
    if content is not None:
        path.write_bytes(content)
    attachments = "fluffbuzz.surfaces.cli.attachments"
    with mock.patch(f"{attachments}.MAX_TEXT", 2**20), mock.patch(f"{attachments}.MAX_IMAGE", 2**20):
        told = desk.ask("hi", option, str(path))
    assert (told.code, told.out) == (2, "")
    assert f"error: {path} {said}" in told.err
    assert not server.requests


@pytest.mark.parametrize("option", ["--file", "--image"])
def test_a_directory_is_no_attachment(desk: Desk, server: FakeServer, tmp_path: Path, option: str) -> None:
    told = desk.ask("hi", option, str(tmp_path))
    assert (told.code, told.err) == (2, f"error: {tmp_path} cannot be read: Is a directory.\n")


def test_a_model_that_refused_an_image_is_not_shown_another_until_it_is_looked_at_anew(
    desk: Desk, server: FakeServer, tmp_path: Path
) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    server.responder = answering(refusal("org/small is not a multimodal model"))
    told = desk.ask("What is this?", "--image", str(picture))
    assert told.code == 1
    assert "cannot show images to org/small" in told.err
    assert "Send the text alone, or serve a vision model." in told.err

    told = desk.ask("What is this?", "--image", str(picture))
    assert (told.code, len(chats(server))) == (2, 1)
    assert "vllm/org/small reads text only, so the image was not sent." in told.err

    desk.run("models", "list", "--refresh")
    server.responder = answering(*stream(choice("a fox", finish="stop")))
    assert desk.ask("What is this?", "--image", str(picture)).out == "a fox\n"


def test_an_image_that_is_refused_unsent_begins_no_conversation(desk: Desk, server: FakeServer, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(PNG)
    row = {"id": "org/small", "input": ["text"]}
    desk.configure({"models": {"providers": {"vllm": {"baseUrl": server.base_url, "models": [row]}}}})
    assert desk.ask("What is this?", "--image", str(picture)).code == 2
    assert desk.run("sessions", "list").out == "No conversations yet.\n"
