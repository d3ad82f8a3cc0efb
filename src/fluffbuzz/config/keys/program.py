"""The settings of FluffBuzz itself: environment, files, chat, storage and the embedded model."""

from __future__ import annotations

from fluffbuzz.config.schema import Either, Flag, Form, Key, Number, Record, Sequence, Standing, Table, Text

IGNORED = Standing.IGNORED

PROGRAM: tuple[Key, ...] = (
    Key(
        "$include",
        Either(Text(Form.FILE), Sequence(Text(Form.FILE))),
        "In any object: a file, or several, merged under the keys beside it.",
    ),
    Key("$schema", Text(), "For editors: where the JSON Schema of this file is."),
    Key("env", Record(), "Environment variables."),
    Key("env.vars", Table(Text()), "Values for variables that the environment has not set.", is_secret=True),
    Key("env.shellEnv", Record(), "Variables taken from the login shell.", standing=IGNORED),
    Key("env.shellEnv.enabled", Flag(), "Whether they are.", default=False, standing=IGNORED),
    Key("env.shellEnv.timeoutMs", Number(above=0), "How long the shell may take.", default=15000, standing=IGNORED),
    Key("chat", Record(), "The conversation on the terminal."),
    Key("chat.history", Flag(), "Keep the prompts of earlier runs within reach of the arrow keys.", default=True),
    Key("storage", Record(), "What is kept."),
    Key("storage.save", Flag(), "Keep conversations.", default=True),
    Key("embedded", Record(), "The small model that runs where nothing else is configured."),
    Key("embedded.enabled", Flag(), "Whether it may run.", default=True),
    Key("embedded.idleMinutes", Number(above=0), "Stop it after so many minutes without a question.", default=10),
)
