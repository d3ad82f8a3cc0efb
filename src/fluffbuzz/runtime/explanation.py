"""Failures in words for people: what happened, to what, and what to do next; one sentence each.

What is particular to one server comes as data (a provider's `start_command`, a wording's advice); the sentences here
fit every provider.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluffbuzz.core.credential import Credential
from fluffbuzz.core.discovery import Discovery, Outcome
from fluffbuzz.core.endpoint import Candidate
from fluffbuzz.core.errors import RequestFailed
from fluffbuzz.core.failure import Failure, FailureKind, overflow_numbers
from fluffbuzz.providers import Provider
from fluffbuzz.runtime.services import Service


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened, and the next step (or empty)."""

    what: str
    next_step: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".rstrip()


def explain_discovery(service: Service, discovery: Discovery) -> Explanation:
    """Say how a look at a service's models ended, if it ended without models."""
    place = f"{service.provider.label} at {discovery.base_url}"
    match discovery.outcome:
        case Outcome.FOUND:
            return Explanation(f"{place} serves {len(discovery.models)} model(s).")
        case Outcome.EMPTY:
            return Explanation(f"{place} answers, but serves no models.", _start(service.provider))
        case Outcome.UNAUTHORIZED:
            return _explain_key(service.provider, place, service.credential)
        case Outcome.NOT_FOUND:
            return Explanation(f"{place} knows no {discovery.base_url}/models (404).", _missing_v1(discovery.base_url))
        case Outcome.NOT_JSON:
            what = f"{place} answered with something that is no model list ({discovery.detail})."
            return Explanation(what, "Is another program listening there? " + _base_url(service.provider))
        case Outcome.HTTP_STATUS:
            words = f": {discovery.detail}" if discovery.detail else ""
            return Explanation(f"{place} answered with HTTP status {discovery.status}{words}.", "Its log says why.")
        case _:
            return _explain_connection(service.provider, place, discovery.outcome.value, discovery.detail)


_KINDS = {
    Outcome.EMPTY: FailureKind.MODEL_NOT_FOUND,
    Outcome.REFUSED: FailureKind.REFUSED,
    Outcome.NAME_NOT_FOUND: FailureKind.NAME_NOT_FOUND,
    Outcome.TIMED_OUT: FailureKind.TIMEOUT,
    Outcome.TLS: FailureKind.TLS,
    Outcome.UNAUTHORIZED: FailureKind.AUTH,
    Outcome.NOT_FOUND: FailureKind.NOT_FOUND,
    Outcome.NOT_JSON: FailureKind.PROTOCOL,
    Outcome.HTTP_STATUS: FailureKind.SERVER_ERROR,
}


def failed_look(service: Service, discovery: Discovery) -> RequestFailed:
    """The error for whoever needed the models that a look did not find."""
    found = explain_discovery(service, discovery)
    kind = _KINDS.get(discovery.outcome, FailureKind.CONNECTION_LOST)
    failure = Failure(kind, discovery.detail, discovery.status)
    return RequestFailed(found.what, found.next_step, discovery.detail, failure)


_CONNECTIONS = {
    Outcome.REFUSED.value: "refused the connection",
    Outcome.TIMED_OUT.value: "did not answer in time",
    Outcome.TLS.value: "cannot be trusted",
    Outcome.NAME_NOT_FOUND.value: "cannot be found: the host name is unknown",
    FailureKind.NAME_NOT_FOUND.value: "cannot be found: the host name is unknown",
    FailureKind.CONNECT_TIMEOUT.value: "did not accept the connection in time",
    FailureKind.TIMEOUT.value: "stopped answering",
    FailureKind.CONNECTION_LOST.value: "closed the connection",
    FailureKind.REDIRECTED.value: "redirects elsewhere",
}


def _explain_connection(provider: Provider, place: str, kind: str, detail: str) -> Explanation:
    happened = _CONNECTIONS.get(kind, "cannot be reached")
    if kind == Outcome.REFUSED.value:
        return Explanation(f"{place} {happened}.", f"Is it running? {_start(provider)}{_base_url(provider)}")
    if kind == Outcome.TLS.value:
        return Explanation(
            f"{place} {happened}: {detail}.",
            f"For a private certificate authority set models.providers.{provider.id}.request.tls.ca to its PEM file.",
        )
    return Explanation(f"{place} {happened} ({detail}).", _base_url(provider))


def _explain_key(provider: Provider, place: str, credential: Credential | None) -> Explanation:
    if credential is None:
        variable = provider.env_vars[0] if provider.env_vars else f"models.providers.{provider.id}.apiKey"
        return Explanation(f"{place} wants a key, and there is none.", f"Set {variable} to the server's key.")
    return Explanation(
        f"{place} does not accept the key from {credential}.",
        f"Set {credential.detail or 'it'} to the key that the server was started with.",
    )


def _other_models(candidate: Candidate) -> str:
    if not candidate.model.is_configured:
        return "See: fluffbuzz models list --refresh"
    provider = candidate.endpoint.provider
    key = f'agents.defaults.models["{provider}/*"]'
    return f"Its own list: {candidate.endpoint.base_url}/models. To have it asked: fluffbuzz config set '{key}' '{{}}'"


def _missing_v1(base_url: str) -> str:
    if base_url.endswith("/v1"):
        return "Is a model server listening there? Check host, port and path of baseUrl."
    return f"The base URL probably lacks /v1: set baseUrl to {base_url}/v1."


def _start(provider: Provider) -> str:
    return f"Start it with: {provider.start_command}. " if provider.start_command else ""


def _base_url(provider: Provider) -> str:
    return f"If it runs elsewhere, set models.providers.{provider.id}.baseUrl."


def explain_failure(
    failure: Failure, candidate: Candidate, provider: Provider, *, has_part: bool = False
) -> RequestFailed:
    """The error to show for a call that failed, with the server's own words in its detail.

    Args:
        has_part: a part of the answer had arrived: the server was the right one, and there is what to go on with.
    """
    place = f"{provider.label} at {candidate.endpoint.base_url}"
    found = _explain_kind(failure, candidate, provider, place)
    detail = f"kind={failure.kind} status={failure.status} code={failure.code} param={failure.param}: {failure.message}"
    next_step = f"{failure.advice} {_KEPT}".lstrip() if has_part else failure.advice or found.next_step
    return RequestFailed(found.what, next_step, detail, failure)


_KEPT = "What arrived is kept. In the chat: /continue or /retry."


_CHECK_VALUES = "Check the options of the command and the params of the configuration; its log may say more."

_SENTENCES: dict[FailureKind, tuple[str, str]] = {
    FailureKind.MODEL_NOT_FOUND: ("{place} does not serve {model}{said}.", "{other_models}"),
    FailureKind.NOT_FOUND: ("{place} has no chat endpoint{said}.", "{missing_v1}"),
    FailureKind.IMAGE_REFUSED: (
        "{place} cannot show images to {model}{said}.",
        "Choose a vision model, or send the text alone.",
    ),
    FailureKind.TOOLS_REFUSED: ("{place} cannot call tools as it was started{said}.", ""),
    FailureKind.OVERLOADED: ("{place} is too busy{said}.", "Try again in a moment."),
    FailureKind.RATE_LIMIT: ("{place} allows no more requests now{said}.", "Try again in a moment."),
    FailureKind.CUT: ("{place} broke off: {message}.", _KEPT),
    FailureKind.EMPTY: ("{place} gave no answer: {message}.", "Try again; if it stays so, its log says why."),
    FailureKind.SERVER_ERROR: ("{place} failed{said}.", "Its log says why."),
    FailureKind.BAD_REQUEST: ("{place} rejected the request{said}.", _CHECK_VALUES),
    FailureKind.OPTION_REFUSED: ("{place} rejected the request{said}.", _CHECK_VALUES),
    FailureKind.BILLING: ("{place} wants to be paid{said}.", "See the account that the key belongs to."),
    FailureKind.CONTENT_FILTER: ("{place} filtered the request{said}.", "Say it differently."),
    FailureKind.PROTOCOL: ("{place} does not speak the protocol: {message}.", "{base_url}"),
    FailureKind.CANCELLED: ("Cancelled.", ""),
}


def _explain_kind(failure: Failure, candidate: Candidate, provider: Provider, place: str) -> Explanation:
    match failure.kind:
        case FailureKind.AUTH:
            return _explain_key(provider, place, candidate.credential)
        case FailureKind.CONTEXT_OVERFLOW:
            return _explain_overflow(failure, candidate.model.ref.model, place)
        case kind if kind in _SENTENCES:
            facts = {
                "place": place,
                "model": candidate.model.ref.model,
                "said": _quoted(failure.message),
                "message": failure.message.rstrip("."),
                "other_models": _other_models(candidate),
                "missing_v1": _missing_v1(candidate.endpoint.base_url),
                "base_url": _base_url(provider),
            }
            what, next_step = _SENTENCES[kind]
            return Explanation(what.format_map(facts), next_step.format_map(facts))
        case kind:
            return _explain_connection(provider, place, kind.value, failure.message)


def _explain_overflow(failure: Failure, model: str, place: str) -> Explanation:
    numbers = overflow_numbers(failure.message)
    if numbers.window is None:
        return Explanation(f"The conversation is too long for {model}{_quoted(failure.message)}.", _SHORTEN)
    window = f"its window is {numbers.window:,} tokens ({place})"
    if numbers.prompt is None:  # the server did not count tokens; its own words say what it did count
        return Explanation(f"The conversation is too long for {model}: {window}{_quoted(failure.message)}.", _SHORTEN)
    what = f"The conversation has at least {numbers.prompt:,} tokens, which is too long for {model}: {window}."
    return Explanation(what, _SHORTEN)


_SHORTEN = "Shorten the message or begin a new conversation."


def _quoted(message: str) -> str:
    return f": “{message.strip().rstrip('.')}”" if message.strip() else ""
