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


def problem(listing: Listing) -> str:
    """What is wrong with a listing and what to do, or empty."""
    service, discovery = listing.service, listing.discovery
    if service.lacking:
        key, variables = next(iter(service.lacking.items()))
        return f"models.providers.{service.id}.{key} needs ${{{variables[0]}}}, which is not set."
    if discovery is None:
        if listing.models:
            return ""
        return (
            f"models.providers.{service.id} declares no models, and a configured provider is not asked. "
            f'Add rows to its models, or the key "{service.id}/*" to agents.defaults.models.'
        )
    if discovery.is_answer and discovery.models:
        return ""
    earlier = " (The models above are from an earlier look.)" if listing.models and listing.is_stale else ""
    return f"{explain_discovery(service, discovery)}{earlier}"


def no_service_text() -> str:
    """What to do where nothing is set up."""
    return f"No provider is set up. {opt_in_text()}\nUntil then the small embedded model answers."


def opt_in_text() -> str:
    """How to opt in to the provider that most people have."""
    first = min((find(name) for name in bundled_ids()), key=lambda provider: provider.rank)
    return f"For a {first.label} at {first.base_url}: export {first.env_vars[0]}=anything"
