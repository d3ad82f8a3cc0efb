"""Sections of the documented family that concern parts not built yet: accepted with one warning, never read."""

from __future__ import annotations

from fluffbuzz.config.schema import Anything, Flag, Key, Kind, Number, Record, Sequence, Standing, Table, Text


def _later(path: str, kind: Kind, doc: str, default: object = None, *, is_secret: bool = False) -> Key:
    return Key(path, kind, doc, default=default, is_secret=is_secret, standing=Standing.IGNORED)


_AUTH = (
    _later("auth", Record(), "Stored credentials and the order in which they are used."),
    _later("auth.profiles", Table(), "What is known of each; never the secret itself."),
    _later("auth.order", Table(), "The order of each provider's."),
    _later("auth.cooldowns", Record(), "How long a failing one rests."),
    _later("auth.cooldowns.billingBackoffHours", Number(above=0), "After a bill was not paid.", 5),
    _later("auth.cooldowns.billingBackoffHoursByProvider", Table(), "The same by provider."),
    _later("auth.cooldowns.billingMaxHours", Number(above=0), "At most.", 24),
    _later("auth.cooldowns.authPermanentBackoffMinutes", Number(above=0), "After a key was revoked.", 10),
    _later("auth.cooldowns.authPermanentMaxMinutes", Number(above=0), "At most.", 60),
    _later("auth.cooldowns.failureWindowHours", Number(above=0), "How long failures are remembered.", 24),
    _later("auth.cooldowns.overloadedProfileRotations", Number(least=0), "Others to try when overloaded.", 1),
    _later("auth.cooldowns.overloadedBackoffMs", Number(least=0), "How long to wait before.", 0),
    _later("auth.cooldowns.rateLimitedProfileRotations", Number(least=0), "Others to try when limited.", 1),
)

_SECRETS = (
    _later("secrets", Record(), "Where secrets are kept outside of this file.", is_secret=True),
    _later("secrets.providers", Table(), "The places, by alias.", is_secret=True),
    _later("secrets.defaults", Record(), "Which place is meant where none is named."),
)

_GATEWAY = (
    _later("gateway", Record(), "FluffBuzz as a server."),
    _later("gateway.mode", Text(), "Where it runs."),
    _later("gateway.port", Number(above=0, whole=True), "Its port.", 18789),
    _later("gateway.auth", Record(), "Who may use it."),
    _later("gateway.auth.mode", Text(choices=("token", "password", "trusted-proxy", "none")), "How they show it."),
    _later("gateway.auth.token", Text(), "The token.", is_secret=True),
    _later("gateway.auth.password", Text(), "The password.", is_secret=True),
    _later("gateway.http", Record(), "What it serves over HTTP."),
    _later("gateway.http.endpoints", Record(), "Which routes."),
    _later("gateway.http.endpoints.chatCompletions", Record(), "Chat completions."),
    _later("gateway.http.endpoints.chatCompletions.enabled", Flag(), "Whether it serves them.", default=False),
    _later("gateway.http.endpoints.responses", Record(), "Responses."),
    _later("gateway.http.endpoints.responses.enabled", Flag(), "Whether it serves them.", default=False),
)

_MESSAGES = (
    _later("messages", Record(), "How messages look."),
    _later("messages.usageTemplate", Text(), "The line about tokens under an answer."),
)

_SECTIONS = tuple(
    _later(name, Anything(), doc)
    for name, doc in (
        ("meta", "Notes of the program that wrote the file."),
        ("wizard", "Notes of the setup."),
        ("session", "How conversations are kept apart."),
        ("channels", "Chat networks."),
        ("tools", "What models may do."),
        ("skills", "What agents know how to do."),
        ("plugins", "Extensions."),
        ("hooks", "What happens on events."),
        ("cron", "What happens by the clock."),
        ("commands", "Commands in chats."),
        ("approvals", "What is asked before."),
        ("broadcast", "Messages to many."),
        ("memory", "What agents remember."),
        ("media", "Pictures and sounds."),
        ("audio", "Sounds."),
        ("talk", "Speech."),
        ("browser", "A browser for agents."),
        ("canvasHost", "A canvas for agents."),
        ("nodeHost", "Devices."),
        ("discovery", "How devices find each other."),
        ("web", "The connection of chat networks."),
        ("ui", "The look of the window."),
        ("cli", "The look of the command line."),
        ("logging", "Logs."),
        ("diagnostics", "Measurements."),
        ("update", "Updates."),
        ("acp", "Agents of other programs."),
        ("mcp", "Tools of other programs."),
        ("vault", "A place for files."),
        ("multiAgent", "Agents with one another."),
    )
)

_BINDINGS = (_later("bindings", Sequence(), "Which agent answers where."),)

UNBUILT: tuple[Key, ...] = (*_AUTH, *_SECRETS, *_GATEWAY, *_MESSAGES, *_SECTIONS, *_BINDINGS)
