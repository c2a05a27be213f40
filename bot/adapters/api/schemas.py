"""What requests and answers look like: OpenAI's own types, and what we add to them."""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_MESSAGES = 2000
MOST_INPUTS = 2048
LONGEST_STOP = 256
"""It is looked for at the end of all that has been written, with each piece."""

Name: TypeAlias = Annotated[str, Field(max_length=256)]
Text: TypeAlias = Annotated[str, Field(min_length=1)]
Stop: TypeAlias = Annotated[str, Field(min_length=1, max_length=LONGEST_STOP)]
Empty: TypeAlias = Annotated[list[object], Field(max_length=0)]


class _Request(BaseModel):
    # What is not known here is ignored and named in the answer: clients send a lot.
    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _must_be_text(cls, values: object) -> object:
        """Half a character can neither be searched for nor be sent back."""
        try:
            json.dumps(values, ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError, TypeError) as error:
            raise ValueError("not Unicode text") from error
        return values


class TextPart(BaseModel):
    """Words of a message."""

    type: Literal["text"]
    text: str


class ImageUrl(BaseModel):
    """A picture as a `data:` URL; nothing is fetched from anywhere."""

    url: Annotated[str, Field(pattern="^data:image/(png|jpeg|gif|webp);base64,")]
    detail: str | None = None


class ImagePart(BaseModel):
    """A picture in a message."""

    type: Literal["image_url"]
    image_url: ImageUrl


Part: TypeAlias = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class Instruction(BaseModel):
    """How the caller wants it answered."""

    role: Literal["system", "developer"]
    content: str | list[TextPart]


class UserMessage(BaseModel):
    """What is asked, now or earlier."""

    role: Literal["user"]
    content: str | list[Part]
    name: Name | None = None


class AssistantMessage(BaseModel):
    """What was answered earlier."""

    role: Literal["assistant"]
    content: str | list[TextPart] | None = None
    tool_calls: Empty | None = None


Message: TypeAlias = Annotated[
    Instruction | UserMessage | AssistantMessage, Field(discriminator="role")
]


class StreamOptions(BaseModel):
    """What a stream brings besides the answer."""

    include_usage: bool = False


class PlainText(BaseModel):
    """The only format there is."""

    type: Literal["text"]


class Asked(BaseModel):
    """What we add to OpenAI's requests."""

    sources: Literal["field", "markdown"] = "field"
    """Where the sources of an answer stand: in a field of their own, or also below its text."""


class ChatRequest(_Request):
    """A request for an answer. What is refused here would change the answer if it were ignored."""

    model: Name
    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = 1
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    response_format: PlainText | None = None
    logprobs: Literal[False] | None = None
    tools: Empty | None = None
    functions: Empty | None = None
    modalities: list[Literal["text"]] | None = None
    audio: None = None
    prediction: None = None
    lorekeeper: Asked | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Where the answer ends, if it says that."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class EmbeddingRequest(_Request):
    """A request for vectors."""

    model: Name
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_INPUTS)]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Annotated[int, Field(ge=1)] | None = None
    input_type: Literal["query", "passage"] | None = "passage"
    """Many models read a question otherwise than what it is to find."""


class Source(BaseModel):
    """A passage that the answer was given."""

    number: int
    """As the answer's markers have it: [1]."""
    document: str
    page: int | None
    heading: str | None
    text: str
    relevance: float
    cited: bool


class Told(BaseModel):
    """What we add to OpenAI's answers."""

    sources: list[Source] = []
    refused: bool = False
    """Nothing that was found answers it."""
    notices: list[str] = []
    """Remarks beside the answer."""
    ignored: list[str] = []
    """Parameters that nothing was made of."""
    text: str | None = None
    """The whole answer as it stands in the end, where a stream has brought other words."""


class AnswerMessage(ChatCompletionMessage):
    """The answer with its sources."""

    lorekeeper: Told


class AnswerChoice(Choice):
    """The one answer."""

    message: AnswerMessage


class Answer(ChatCompletion):
    """A whole answer."""

    choices: list[AnswerChoice]  # type: ignore[assignment]


class AnswerChunk(ChatCompletionChunk):
    """A piece of an answer; the last one brings the sources."""

    lorekeeper: Told | None = None
