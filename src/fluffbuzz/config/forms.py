"""What a text has to look like to be of use: URLs, header values, header names, provider ids. Pure tests of one text.

Each gives what is wrong in words, or nothing.
"""

from __future__ import annotations

import re
from typing import assert_never
from urllib.parse import urlsplit

from fluffbuzz.config.schema import Form

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_PROVIDER_ID = re.compile(r"[^\s/@*]+")


def fault(form: Form, text: str) -> str:
    """What keeps a text from having the form; empty where nothing does."""
    match form:
        case Form.ANY:
            return ""
        case Form.FILLED:
            return "" if text.strip() else "this is empty"
        case Form.URL:
            return url_fault(text)
        case Form.HEADER:
            return header_fault(text)
        case Form.FILE:
            return _file_fault(text)
        case _:
            assert_never(form)


def url_fault(text: str) -> str:
    """What keeps a text from being the base URL of an API."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"this is no URL ({str(error)[:1].lower()}{str(error)[1:]})"
    if re.search(r"[\s\x00-\x1f\x7f]", text):
        return "this is no URL: it has white space in it"
    if parts.scheme.lower() not in {"http", "https"}:
        return "this is no URL: it begins with neither http:// nor https://"
    if not host or port == 0:
        return f"this URL has no {'port' if host else 'host'}"
    if "@" in parts.netloc:
        return "this URL has a user or password in it; put the key into `apiKey`"
    if "?" in text or "#" in text:
        return "this URL has a ? or # in it, but paths are added at its end"
    return ""


def header_fault(text: str) -> str:
    """What keeps a text from being the value of a header."""
    if not text:
        return "this is empty; leave the key out"
    if text != text.strip():
        return "this begins or ends with white space"
    return "" if _HEADER_VALUE.fullmatch(text) else "this has characters that cannot be sent in a header"


def header_name_fault(text: str) -> str:
    """What keeps a text from being the name of a header."""
    return "" if _HEADER_NAME.fullmatch(text) else "this is no name of a header"


def provider_id_fault(text: str) -> str:
    """What keeps a text from standing before the slash of a model reference."""
    return "" if _PROVIDER_ID.fullmatch(text) else "the id of a provider has no white space and none of / @ *"


def _file_fault(text: str) -> str:
    if "-----BEGIN" in text:
        return "this is the certificate itself; write the path of the file that holds it"
    return "" if text.strip() and "\0" not in text else "this is no path"
