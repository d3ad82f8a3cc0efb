"""The settings of one row in a provider's model list, with its `compat` flags."""

from __future__ import annotations

from fluffbuzz.config.schema import (
    Anything,
    Credential,
    Flag,
    Form,
    Key,
    Number,
    Open,
    Record,
    Sequence,
    Standing,
    Table,
    Text,
)

IGNORED, REFUSED = Standing.IGNORED, Standing.REFUSED

_AT = "models.providers.*.models[]"
_COMPAT = f"{_AT}.compat"
_TOKENS = Number(above=0, whole=True)
_PRICE = Number(least=0)


def _flag(name: str, doc: str, standing: Standing = Standing.BUILT) -> Key:
    return Key(f"{_COMPAT}.{name}", Flag(), doc, standing=standing)


def _later(name: str, kind: Text | Sequence | Table | Open | Anything, doc: str) -> Key:
    return Key(f"{_COMPAT}.{name}", kind, doc, standing=IGNORED)


_ROW = (
    Key(_AT, Record(), "One model."),
    Key(f"{_AT}.id", Text(Form.FILLED), "Its id as the server knows it, without the provider.", is_required=True),
    Key(f"{_AT}.name", Text(Form.FILLED), "What it is called in lists; default: its id."),
    Key(f"{_AT}.reasoning", Flag(), "Whether it thinks before it answers; default: unknown."),
    Key(
        f"{_AT}.input",
        Sequence(Text(choices=("text", "image", "audio", "video"))),
        "What it can be shown; default: unknown, so an image is tried.",
    ),
    Key(f"{_AT}.cost", Record(), "Prices in US dollars for a million tokens."),
    Key(f"{_AT}.cost.input", _PRICE, "Of the prompt.", default=0),
    Key(f"{_AT}.cost.output", _PRICE, "Of the answer.", default=0),
    Key(f"{_AT}.cost.cacheRead", _PRICE, "Of prompt tokens taken from a cache.", default=0),
    Key(f"{_AT}.cost.cacheWrite", _PRICE, "Of prompt tokens written to a cache.", default=0),
    Key(f"{_AT}.cost.tieredPricing", Anything(), "Prices by amount.", standing=IGNORED),
    Key(f"{_AT}.contextWindow", _TOKENS, "Tokens for prompt and answer together; default: what the server says."),
    Key(f"{_AT}.contextTokens", _TOKENS, "Use at most so many of them."),
    Key(f"{_AT}.maxTokens", _TOKENS, "Limit of an answer; default: none is sent."),
    Key(f"{_AT}.params", Open(), "Request parameters for this model."),
    Key(f"{_AT}.headers", Table(Credential()), "Headers added to requests for this model.", is_secret=True),
    Key(f"{_AT}.compat", Record(), "How its server deviates from the dialect; default: as its route would have it."),
    Key(
        f"{_AT}.api",
        Text(),
        "A dialect for this model alone.",
        standing=REFUSED,
        instead="set `api` at the provider; a second provider may be declared for another dialect",
    ),
    Key(
        f"{_AT}.baseUrl",
        Text(Form.URL),
        "An endpoint for this model alone.",
        standing=REFUSED,
        instead="set `baseUrl` at the provider; a second provider may be declared for another endpoint",
    ),
    Key(f"{_AT}.thinkingLevelMap", Table(Text()), "Words of the server for levels of thinking.", standing=IGNORED),
    Key(f"{_AT}.agentRuntime", Record(), "Who runs agents with it.", standing=IGNORED),
    Key(f"{_AT}.mediaInput", Record(), "Limits of images.", standing=IGNORED),
    Key(f"{_AT}.metadataSource", Text(), "Where the row came from.", standing=IGNORED),
)

_COMPAT_FLAGS = (
    _flag("supportsStore", "Takes `store`."),
    _flag("supportsPromptCacheKey", "Takes `prompt_cache_key`."),
    _flag("supportsDeveloperRole", "Knows the `developer` role."),
    _flag("supportsReasoningEffort", "Takes `reasoning_effort`."),
    _flag("supportsTemperature", "Takes `temperature`."),
    _flag("supportsUsageInStreaming", "Takes `stream_options.include_usage`."),
    _flag("supportsTools", "Can call tools."),
    _flag("supportsStrictMode", "Takes `strict` in tools."),
    _flag("requiresStringContent", "Takes the parts of a message only as one text."),
    _flag("strictMessageKeys", "Takes nothing but role and content in a message."),
    Key(
        f"{_COMPAT}.maxTokensField",
        Text(choices=("max_tokens", "max_completion_tokens")),
        "The name of the field that limits an answer.",
    ),
)

_COMPAT_LATER = (
    _flag("supportsResponsesContinuation", "Continues stored responses.", IGNORED),
    _flag("supportsInstructions", "Takes `instructions`.", IGNORED),
    _flag("supportsJsonSchemaResponseFormat", "Takes a JSON Schema as `response_format`.", IGNORED),
    _flag("requiresToolResultName", "Wants the tool's name with its result.", IGNORED),
    _flag("requiresAssistantAfterToolResult", "Wants an answer between tool result and user.", IGNORED),
    _flag("requiresThinkingAsText", "Takes earlier thinking only as text.", IGNORED),
    _flag("requiresReasoningContentOnAssistantMessages", "Wants `reasoning_content` on every answer.", IGNORED),
    _flag("requiresOpenAiAnthropicToolPayload", "Wants tools in a mixed form.", IGNORED),
    _flag("zaiToolStream", "Streams tool calls in a form of its own.", IGNORED),
    _flag("sendSessionAffinityHeaders", "Wants headers that name the session.", IGNORED),
    _flag("sendSessionIdHeader", "Wants one header that names the session.", IGNORED),
    _flag("supportsEagerToolInputStreaming", "Streams the input of tools early.", IGNORED),
    _flag("supportsLongCacheRetention", "Keeps cached prompts for long.", IGNORED),
    _later(
        "thinkingFormat",
        Text(choices=("openai", "openrouter", "deepseek", "together", "qwen", "qwen-chat-template", "zai")),
        "How thinking is switched on and off.",
    ),
    _later("toolSchemaProfile", Text(choices=("llamacpp", "gemini")), "Which tool schemas it understands."),
    _later("toolCallArgumentsEncoding", Text(), "How arguments of tools are encoded."),
    _later("cacheControlFormat", Text(choices=("anthropic",)), "How prompt caching is asked for."),
    _later("codeMode", Text(choices=("preferred", "capable")), "Whether it prefers to write code."),
    _later("visibleReasoningDetailTypes", Sequence(Text()), "Kinds of thinking that are shown."),
    _later("supportedReasoningEfforts", Sequence(Text()), "Efforts that it knows."),
    _later("reasoningEffortMap", Table(Text()), "Its words for levels of thinking."),
    _later("unsupportedToolSchemaKeywords", Sequence(Text()), "Words that its tool schemas may not have."),
    _later("openRouterRouting", Open(), "Routing behind one vendor's gateway."),
    _later("vercelGatewayRouting", Open(), "Routing behind another vendor's gateway."),
)

MODEL_ROWS: tuple[Key, ...] = (*_ROW, *_COMPAT_FLAGS, *_COMPAT_LATER)
