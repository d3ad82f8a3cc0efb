"""How a conversation, its tools and an unfinished answer are written into a request."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests import recorded as recordings
from tests.wire.bodies import (
    CALLS,
    HELLO,
    MODEL,
    NATIVE,
    PROXY,
    RESULTS,
    WEATHER,
    body,
    sent,
    with_compat,
)

from fluffbuzz.core.messages import (
    Image,
    Message,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    assistant,
    system,
    user,
)
from fluffbuzz.core.models import Compat, Model, ModelRef
from fluffbuzz.core.request import ChatRequest, Sampling, Tool
from fluffbuzz.wire.openai_chat_request import NO_OUTPUT

# --- messages


def test_the_system_text_is_sent_as_developer_only_where_allowed_and_to_a_model_that_thinks():
    thinker = replace(MODEL, reasoning=True)
    allowed = replace(thinker, compat=Compat(supports_developer_role=True))
    roles = [
        sent(system("S"), model=model, route=route)[0]["role"]
        for model, route in [(thinker, PROXY), (MODEL, NATIVE), (allowed, PROXY), (thinker, NATIVE)]
    ]
    assert roles == ["system", "system", "developer", "developer"]


def test_an_image_is_sent_by_value_beside_its_text():
    assert sent(user("What?", (Image("image/png", b"\x89P"),))) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVA="}},
            ],
        }
    ]


def test_parts_that_a_user_message_cannot_have_are_left_out_beside_an_image():
    odd = (Thinking("t"), ToolCall("c", "f", "{}"), ToolResult("c", "r"), Image("image/png", b""))
    assert [part["type"] for part in sent(Message(Role.USER, odd))[0]["content"]] == ["image_url"]


def test_texts_without_an_image_are_one_string():
    assert sent(Message(Role.USER, (Text("a"), Text("b"))))[0]["content"] == "ab"


def test_a_server_that_takes_only_strings_gets_the_text_alone():
    model = with_compat(requires_string_content=True)
    assert sent(user("What?", (Image("image/png", b""),)), model=model)[0]["content"] == "What?"


def test_thinking_is_never_sent_again():
    answer = Message(Role.ASSISTANT, (Thinking("secret thought"), Text("Hi")))
    assert sent(answer) == [{"role": "assistant", "content": "Hi"}]


def test_an_answer_that_was_thinking_only_is_not_sent():
    assert sent(*HELLO, Message(Role.ASSISTANT, (Thinking("hm"),))) == [{"role": "user", "content": "Hello"}]


def test_tool_calls_are_sent_with_the_arguments_as_the_model_wrote_them():
    assert sent(CALLS) == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "not json"}},
            ],
        }
    ]


def test_each_tool_result_is_a_message_of_its_own_and_never_empty():
    assert sent(RESULTS) == [
        {"role": "tool", "tool_call_id": "c1", "content": "18 C"},
        {"role": "tool", "tool_call_id": "c2", "content": NO_OUTPUT},
    ]


def test_parts_of_a_tool_message_that_are_no_results_are_left_out():
    assert sent(Message(Role.TOOL, (Text("?"), ToolResult("c", "r")))) == [
        {"role": "tool", "tool_call_id": "c", "content": "r"}
    ]


def test_a_server_that_knows_only_role_and_content_gets_nothing_else():
    found = sent(*HELLO, CALLS, RESULTS, model=with_compat(strict_message_keys=True))
    assert [tuple(message) for message in found] == [("role", "content")] * 4
    assert [message["content"] for message in found] == ["Hello", "", "18 C", NO_OUTPUT]


# --- tools


def test_tools_are_sorted_by_name_so_that_the_prefix_stays_the_same():
    tools = (Tool("b"), Tool("a"), Tool("c"))
    found = body(ChatRequest(HELLO, tools=tools))
    assert [tool["function"]["name"] for tool in found["tools"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("", "auto"),
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("get_weather", {"type": "function", "function": {"name": "get_weather"}}),
    ],
)
def test_the_choice_of_tools_is_a_word_or_a_name(choice: str, expected: object):
    assert body(ChatRequest(HELLO, tools=(WEATHER,), tool_choice=choice))["tool_choice"] == expected


def test_without_tools_neither_tools_nor_a_choice_of_them_is_sent():
    found = body(ChatRequest((*HELLO, CALLS, RESULTS), tool_choice="auto"))
    assert not {"tools", "tool_choice"} & found.keys()


@pytest.mark.parametrize(
    ("strict", "route", "compat", "is_sent"),
    [
        (True, PROXY, {}, False),
        (False, PROXY, {}, False),
        (True, PROXY, {"supports_strict_mode": True}, True),
        (False, PROXY, {"supports_strict_mode": True}, True),
        (None, PROXY, {"supports_strict_mode": True}, False),
        (True, NATIVE, {}, True),
        (True, NATIVE, {"supports_strict_mode": False}, False),
    ],
)
def test_strict_is_sent_only_where_it_is_understood_and_only_if_it_was_set(
    strict: bool | None, route, compat: dict[str, bool], is_sent: bool
):
    found = body(ChatRequest(HELLO, tools=(replace(WEATHER, strict=strict),)), with_compat(**compat), route)
    assert found["tools"][0]["function"].get("strict", "not sent") == (strict if is_sent else "not sent")


# --- continuation


def test_an_unfinished_answer_is_taken_up_where_the_server_can():
    recorded = recordings.load("vllm-0.32/plain/chat_continue_final_message").request["body"]
    messages = (user(recorded["messages"][0]["content"]), assistant(recorded["messages"][1]["content"]))
    request = ChatRequest(messages, Sampling(temperature=0, max_tokens=40), takes_up=True)
    found = body(request, Model(ModelRef("vllm", recorded["model"]), ""))
    assert found == recorded | {"stream_options": {"include_usage": True, "continuous_usage_stats": True}}


def test_an_answer_is_taken_up_only_when_asked():
    found = body(ChatRequest((*HELLO, assistant("He"))))
    assert not {"continue_final_message", "add_generation_prompt"} & found.keys()
