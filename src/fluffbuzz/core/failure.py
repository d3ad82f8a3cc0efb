"""What can go wrong with a call, and the one classifier that names it.

Evidence is weighed in this order: the error's code, then the HTTP status, then its text, and the text only where code
and status leave the question open. Wordings that are particular to one server are data of its provider
(`Wording`); the table here knows none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class FailureKind(StrEnum):
    """The kinds of failure that somebody acts on differently."""

    REFUSED = "refused"
    NAME_NOT_FOUND = "name_not_found"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    REDIRECTED = "redirected"
    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection_lost"
    CUT = "cut"
    PROTOCOL = "protocol"
    AUTH = "auth"
    BILLING = "billing"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    NOT_FOUND = "not_found"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_OVERFLOW = "context_overflow"
    IMAGE_REFUSED = "image_refused"
    TOOLS_REFUSED = "tools_refused"
    OPTION_REFUSED = "option_refused"
    BAD_REQUEST = "bad_request"
    CONTENT_FILTER = "content_filter"
    EMPTY = "empty"
    CANCELLED = "cancelled"


_ABOUT_THE_REQUEST = frozenset(
    {
        FailureKind.CONTEXT_OVERFLOW,
        FailureKind.IMAGE_REFUSED,
        FailureKind.TOOLS_REFUSED,
        FailureKind.OPTION_REFUSED,
        FailureKind.BAD_REQUEST,
        FailureKind.CONTENT_FILTER,
    }
)


def is_about_the_request(kind: FailureKind) -> bool:
    """Whether the request itself was refused, so that the same one would be refused again."""
    return kind in _ABOUT_THE_REQUEST


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call, told as it happened.

    Attributes:
        kind: what somebody may act on.
        message: the server's own words where it has any, else ours; one paragraph.
        status: the HTTP status, or None where none was received.
        code, param: the error object's own fields, as text, or empty.
        advice: what this provider's data says about it (a flag to add …), or empty.
        retry_after: seconds that the server asks to wait, or None.
    """

    kind: FailureKind
    message: str
    status: int | None = None
    code: str = ""
    param: str = ""
    advice: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a server said when it failed: the status of the response and the fields of its error object."""

    status: int | None
    message: str = ""
    type: str = ""
    code: str = ""
    param: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A sentence of one server that means a kind, with the advice to give; `pattern` is searched, case ignored."""

    pattern: str
    kind: FailureKind
    advice: str = ""

    def matches(self, text: str) -> re.Match[str] | None:
        """Where the pattern stands in the text, if it does."""
        return re.search(self.pattern, text, re.IGNORECASE)


_CODES: dict[str, FailureKind] = {
    "context_length_exceeded": FailureKind.CONTEXT_OVERFLOW,
    "exceed_context_size_error": FailureKind.CONTEXT_OVERFLOW,
    "model_not_found": FailureKind.MODEL_NOT_FOUND,
    "invalid_api_key": FailureKind.AUTH,
    "insufficient_quota": FailureKind.BILLING,
    "rate_limit_exceeded": FailureKind.RATE_LIMIT,
    "content_filter": FailureKind.CONTENT_FILTER,
}

_STATUSES: dict[int, FailureKind] = {
    401: FailureKind.AUTH,
    402: FailureKind.BILLING,
    403: FailureKind.AUTH,
    405: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    413: FailureKind.CONTEXT_OVERFLOW,
    429: FailureKind.RATE_LIMIT,
    503: FailureKind.OVERLOADED,
    504: FailureKind.TIMEOUT,
    529: FailureKind.OVERLOADED,
}

_AMBIGUOUS = frozenset({400, 404, 422, 500, None})
"""Statuses that say too little by themselves; only for these is the text read."""

_WORDINGS: tuple[Wording, ...] = (
    Wording(
        r"maximum context length|context length exceeded|exceeds the available context size",
        FailureKind.CONTEXT_OVERFLOW,
    ),
    Wording(r"prompt (is )?too long|longer than the (model's|maximum) context", FailureKind.CONTEXT_OVERFLOW),
    Wording(r"is not a multimodal model|image input is not supported|at most 0 image", FailureKind.IMAGE_REFUSED),
    Wording(r"model .{0,300}(does not exist|not found)|invalid model name", FailureKind.MODEL_NOT_FOUND),
    Wording(r"stream_options", FailureKind.OPTION_REFUSED),
)


def classify(evidence: Evidence, wordings: Sequence[Wording] = ()) -> Failure:
    """Name a failure that a server reported.

    Args:
        evidence: status and error object, as received.
        wordings: the provider's own sentences; they are read before the general ones and, where the kind is
            already settled by code or status, still lend their advice.
    """
    kind = _CODES.get(evidence.code) or _CODES.get(evidence.type) or _STATUSES.get(evidence.status or 0)
    advice = ""
    spoken = next((wording for wording in wordings if wording.matches(_words(evidence))), None)
    if spoken is not None and kind in (None, spoken.kind):
        kind, advice = spoken.kind, spoken.advice
    return Failure(
        kind or _kind_of_ambiguous(evidence),
        evidence.message,
        evidence.status,
        evidence.code,
        evidence.param,
        advice,
        evidence.retry_after,
    )


def _words(evidence: Evidence) -> str:
    return f"{evidence.message} {evidence.param}" if evidence.param else evidence.message


def _kind_of_ambiguous(evidence: Evidence) -> FailureKind:
    if evidence.status in _AMBIGUOUS:
        for wording in _WORDINGS:
            if wording.matches(_words(evidence)):
                return wording.kind
    match evidence.status:
        case 404:
            return FailureKind.NOT_FOUND
        case int(status) if 400 <= status < 500:
            return FailureKind.BAD_REQUEST
        case _:
            return FailureKind.SERVER_ERROR


_LIMIT = (
    r"maximum context length is (\d+)"
    r"|max_model_len=(\d+)"
    r"|available context size \((\d+) tokens\)"
    r"|model's context length \((\d+) tokens\)"
    r"|context length of only (\d+) tokens"
    r"|n_ctx[:( ]+(\d+)"
    r"|tokens > (\d+) maximum"
)
_PROMPT = (
    r"prompt contains (?:at least )?(\d+) (?:input )?tokens"
    r"|(?:request|input) \((\d+) tokens\)"
    r"|request has (\d+) input tokens"
    r"|requested \d+ tokens \((\d+) in (?:the messages|your prompt)"
    r"|messages resulted in (\d+) tokens"
    r"|keep the first (\d+) tokens"
    r"|n_keep[:( ]+(\d+)"
    r"|prompt is too long: (\d+) tokens"
)


@dataclass(frozen=True, slots=True)
class OverflowNumbers:
    """The numbers that an overflow error names, in tokens; None where it names none."""

    window: int | None
    prompt: int | None


def overflow_numbers(message: str) -> OverflowNumbers:
    """Read window and prompt size out of a server's overflow error (the wordings in use among compatible servers)."""
    return OverflowNumbers(_number(_LIMIT, message), _number(_PROMPT, message))


def _number(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text, re.IGNORECASE)
    return None if found is None else next(int(digits) for digits in found.groups() if digits is not None)
