"""Lists of models and the looks that found them, in words."""

from __future__ import annotations

from fluffbuzz.core.models import Model
from fluffbuzz.providers import bundled_ids, find
from fluffbuzz.runtime.catalog import Listing
from fluffbuzz.runtime.explanation import explain_discovery
from fluffbuzz.surfaces.terminal.wording import age_text, inputs_text, window_text


def model_row(model: Model) -> tuple[str, str, str, str]:
    """Reference, window, input kinds and notes of a model."""
    notes = [
        "configured" if model.is_configured else "",
        f"adapter of {model.parent}" if model.parent else "",
        "" if model.is_chat else "no chat model",
        model.name if model.name != model.ref.model else "",
    ]
    return str(model.ref), window_text(model.window), inputs_text(model), ", ".join(note for note in notes if note)


def service_line(listing: Listing, now: float) -> str:
    """Where the models of a listing come from, and how old that knowledge is."""
    service, discovery = listing.service, listing.discovery
    place = f"{service.provider.label} at {service.endpoint.base_url}"
    if discovery is None:
        count = len(listing.models)
        return f"{place}: {count} declared in the configuration, not asked" if count else f"{place}: none declared"
    return f"{place}: asked {age_text(now - discovery.at)}"


def problem(listing: Listing, now: float) -> str:
    """What is wrong with a listing and what to do, or empty; `now` in Unix seconds."""
    service, discovery = listing.service, listing.discovery
    if service.lacking:
        key, variables = next(iter(service.lacking.items()))
        what = f"models.providers.{service.id}.{key} needs ${{{variables[0]}}}, which is not set."
        return f"{what} Set it: export {variables[0]}=…"
    if discovery is None:
        if listing.models or service.discovers:  # declared, or not asked yet
            return ""
        return (
            f"models.providers.{service.id} declares no models, and an explicitly configured provider is not asked. "
            f'Add rows to its models, or the key "{service.id}/*" to agents.defaults.models.'
        )
    if discovery.is_answer and discovery.models:
        return ""
    told = explain_discovery(service, discovery)
    next_step = told.next_step or f"Load a model there, or declare it in models.providers.{service.id}.models."
    return f"{told.what} {next_step.rstrip()}{_earlier(listing, now)}"


def _earlier(listing: Listing, now: float) -> str:
    """How old the models are that a failed look left standing."""
    if not listing.is_stale or listing.found_at is None or all(model.is_configured for model in listing.models):
        return ""
    return f" (Its models are from a look {age_text(now - listing.found_at)}.)"


def no_service_text() -> str:
    """What to do where nothing is set up."""
    return f"No provider is set up. {opt_in_text()}\nUntil then the small embedded model answers."


def opt_in_text() -> str:
    """How to opt in to the provider that most people have."""
    first = min((find(name) for name in bundled_ids()), key=lambda provider: provider.rank)
    return f"For a {first.label} at {first.base_url}: export {first.env_vars[0]}=anything"
