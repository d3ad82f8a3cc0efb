"""The settings under `agents`: which model answers, and what is sent with every request."""

from __future__ import annotations

from fluffbuzz.config.schema import (
    Anything,
    Either,
    Flag,
    Form,
    Key,
    Kind,
    Number,
    Open,
    Record,
    Sequence,
    Standing,
    Table,
    Text,
)

IGNORED = Standing.IGNORED

_AT = "agents.defaults"
_REF = Text(Form.FILLED)


def _later(path: str, kind: Kind, doc: str, default: object = None) -> Key:
    return Key(f"{_AT}.{path}", kind, doc, default=default, standing=IGNORED)


_BUILT = (
    Key("agents", Record(), "Who answers."),
    Key(_AT, Record(), "What holds for every conversation."),
    Key(f"{_AT}.model", Either(_REF, Record()), "The default model: `provider/model`, or the object below."),
    Key(f"{_AT}.model.primary", _REF, "The default model."),
    Key(
        f"{_AT}.model.fallbacks",
        Sequence(_REF),
        "Models to take instead when it fails, in order; accepted, but not built yet.",
        default=[],
    ),
    Key(
        f"{_AT}.models",
        Table(),
        "Models by `provider/model`. Where it is not empty, only these may be chosen; `provider/*` allows all of one "
        "provider and switches its discovery on.",
    ),
    Key(f"{_AT}.models.*", Record(), "What holds for that model."),
    Key(f"{_AT}.models.*.alias", Text(Form.FILLED), "A short name for it."),
    Key(f"{_AT}.models.*.params", Open(), "Request parameters for it."),
    Key(f"{_AT}.models.*.agentRuntime", Record(), "Who runs agents with it.", standing=IGNORED),
    Key(f"{_AT}.models.*.pickerRuntimes", Sequence(Text()), "Where it can be picked.", standing=IGNORED),
    Key(f"{_AT}.models.*.codeMode", Anything(), "Whether it prefers to write code.", standing=IGNORED),
    Key(f"{_AT}.models.*.streaming", Flag(), "Whether answers stream.", default=True, standing=IGNORED),
    Key(f"{_AT}.params", Open(), "Request parameters for all models."),
)

_MODELS_LATER = (
    _later("modelPolicy", Record(), "Which models may be chosen."),
    _later("modelPolicy.allow", Sequence(Text()), "Aliases, references and `provider/*`."),
    _later("modelSelectionScope", Text(choices=("session", "agent", "global")), "What a choice is for.", "session"),
    _later("utilityModel", Either(_REF, Record()), "The model for small tasks."),
    _later("decisionModel", Either(_REF, Record()), "The model for decisions."),
    _later("imageModel", Either(_REF, Record()), "The model that sees images."),
    _later("imageGenerationModel", Either(_REF, Record()), "The model that draws."),
    _later("pdfModel", Either(_REF, Record()), "The model that reads PDF files."),
    _later("mediaModels", Record(), "The models that make images, music and video."),
    _later("thinkingDefault", Text(), "The level of thinking."),
    _later("fastModeDefault", Anything(), "Whether speed comes first."),
    _later("verboseDefault", Text(), "How much is told of tools."),
    _later("reasoningDefault", Text(choices=("off", "on", "stream")), "Whether thinking is shown."),
    _later("elevatedDefault", Text(), "What tools may do."),
    _later("timeoutSeconds", Number(above=0), "Time limit of a run."),
    _later("contextTokens", Number(above=0), "Use at most so many tokens of any window."),
    _later("maxConcurrent", Number(above=0, whole=True), "Runs at a time."),
    _later("bootstrapMaxChars", Number(above=0), "Limit of one file of instructions.", 20000),
    _later("bootstrapTotalMaxChars", Number(above=0), "Limit of all of them.", 60000),
    _later("bootstrapPromptTruncationWarning", Text(), "What is said of cut instructions."),
    _later("imageMaxDimensionPx", Number(above=0), "Limit of an image's side.", 1200),
    _later("mediaMaxMb", Number(above=0), "Limit of an attachment.", 5),
    _later("pdfMaxBytesMb", Number(above=0), "Limit of a PDF file."),
    _later("pdfMaxPages", Number(above=0), "Limit of its pages."),
    _later("embeddedAgent", Record(), "The built-in agent."),
    _later("embeddedPi", Record(), "An older form of it."),
    _later("experimental", Record(), "Trials."),
)

_CONTEXT_LATER = (
    _later("compaction", Record(), "How a long conversation is summed up."),
    _later("compaction.enabled", Flag(), "Whether it is, before it must be."),
    _later("compaction.mode", Text(choices=("default", "safeguard")), "How it is done."),
    _later("compaction.model", _REF, "Who does it."),
    _later("compaction.reserveTokens", Number(least=0), "Tokens kept free."),
    _later("compaction.reserveTokensFloor", Number(least=0), "Tokens kept free at least."),
    _later("compaction.keepRecentTokens", Number(least=0), "Newest tokens kept as they are.", 20000),
    _later("compaction.recentTurnsPreserve", Number(least=0), "Newest turns kept as they are.", 3),
    _later("compaction.timeoutSeconds", Number(above=0), "Time limit.", 180),
    _later("compaction.identifierPolicy", Text(), "Whether names are kept.", "strict"),
    _later("compaction.qualityGuard", Record(), "Whether the summary is checked."),
    _later("compaction.notifyUser", Flag(), "Whether it is told."),
    _later("compaction.memoryFlush", Record(), "What is saved before."),
    _later("contextPruning", Record(), "How old tool results are cut."),
    _later("contextPruning.mode", Text(choices=("off", "cache-ttl")), "Whether they are."),
    _later("contextPruning.ttl", Text(), "After how long.", "5m"),
    _later("contextPruning.tools", Record(), "Of which tools."),
    _later("contextPruning.hardClear", Record(), "Whether they are dropped."),
)

_AGENT_LATER = tuple(
    _later(name, Anything(), doc)
    for name, doc in (
        ("workspace", "The directory agents work in."),
        ("repoRoot", "The repository they work in."),
        ("skills", "What they know how to do."),
        ("skipBootstrap", "Leave out the files of instructions."),
        ("additionalSystemPrompt", "Instructions for all agents."),
        ("userTimezone", "The user's time zone."),
        ("timeFormat", "How times are written."),
        ("envelopeTimezone", "The time zone in messages."),
        ("envelopeTimestamp", "Whether messages carry the time."),
        ("envelopeElapsed", "Whether they carry the time since the last."),
        ("cliBackends", "Programs that answer."),
        ("memorySearch", "Search in memory."),
        ("blockStreamingDefault", "Whether answers come in blocks."),
        ("blockStreamingBreak", "Where blocks end."),
        ("blockStreamingChunk", "How large blocks are."),
        ("blockStreamingCoalesce", "Which blocks are joined."),
        ("humanDelay", "Pauses between blocks."),
        ("typingIntervalSeconds", "How often typing is shown."),
        ("typingMode", "When typing is shown."),
        ("heartbeat", "Runs by the clock."),
        ("subagents", "Agents of agents."),
        ("sandbox", "Where tools run."),
    )
)

_ENTRIES = (
    Key("agents.entries", Table(), "Agents of your own, by id.", standing=IGNORED),
    Key("agents.list", Sequence(), "An older form of `agents.entries`.", standing=IGNORED),
)

AGENTS: tuple[Key, ...] = (*_BUILT, *_MODELS_LATER, *_CONTEXT_LATER, *_AGENT_LATER, *_ENTRIES)
