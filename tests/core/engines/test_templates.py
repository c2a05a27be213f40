"""Our chat templates against the formats that the families' makers published.

Each expected text is what the named code of the makers puts together for the same conversation.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import cache

import httpx2
import jinja2
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.engines.base import ChatMessage, GenerationOptions
from core.engines.llama_cpp import LlamaCppEngine, bundled_model
from core.engines.templates import names, read_template, stops_of, template_for
from core.errors import ModelNotLoadedError
from core.settings import EngineSettings

ONE = ({"role": "user", "content": "Where?"},)
TWO = (
    {"role": "user", "content": "Where?"},
    {"role": "assistant", "content": "Here."},
    {"role": "user", "content": "为什么？"},
)
SYSTEM = {"role": "system", "content": "Be brief."}
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions."
)
ALPACA = (
    "Below is an instruction that describes a task. Write a response that appropriately completes "
    "the request."
)

PUBLISHED = {
    # FastChat, fastchat/conversation.py: "vicuna_v1.1", SeparatorStyle.ADD_COLON_TWO, sep " ",
    # sep2 "</s>"; the tokenizer sets <s> before it.
    "vicuna": (
        f"<s>{VICUNA} USER: Where? ASSISTANT:",
        f"<s>{VICUNA} USER: Where? ASSISTANT: Here.</s>USER: 为什么？ ASSISTANT:",
        "<s>Be brief. USER: Where? ASSISTANT:",
    ),
    # meta-llama/llama, llama/generation.py, chat_completion(): B_INST, E_INST, B_SYS, E_SYS; each
    # pair is encoded with bos=True, eos=True.
    "llama-2-chat": (
        "<s>[INST] Where? [/INST]",
        "<s>[INST] Where? [/INST] Here. </s><s>[INST] 为什么？ [/INST]",
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nWhere? [/INST]",
    ),
    # tatsu-lab/stanford_alpaca, train.py, PROMPT_DICT["prompt_no_input"]; of several turns it says
    # nothing: they follow each other.
    "alpaca": (
        f"<s>{ALPACA}\n\n### Instruction:\nWhere?\n\n### Response:\n",
        f"<s>{ALPACA}\n\n### Instruction:\nWhere?\n\n### Response:\nHere.</s>"
        "\n\n### Instruction:\n为什么？\n\n### Response:\n",
        "<s>Be brief.\n\n### Instruction:\nWhere?\n\n### Response:\n",
    ),
    # THUDM/chatglm-6b, modeling_chatglm.py, chat(): the bare question without a history, else
    # "[Round {i}]\n问：{q}\n答：{a}\n" counted from 0. It knows no system message.
    "chatglm-6b": (
        "Where?",
        "[Round 0]\n问：Where?\n答：Here.\n[Round 1]\n问：为什么？\n答：",
        "Be brief.\n\nWhere?",
    ),
    # THUDM/chatglm2-6b, tokenization_chatglm.py, build_prompt(): counted from 1.
    "chatglm2-6b": (
        "[Round 1]\n\n问：Where?\n\n答：",
        "[Round 1]\n\n问：Where?\n\n答：Here.\n\n[Round 2]\n\n问：为什么？\n\n答：",
        "[Round 1]\n\n问：Be brief.\n\nWhere?\n\n答：",
    ),
    # OpenLMLab/MOSS, README, "Single GPU": meta_instruction + "<|Human|>: …<eoh>\n<|MOSS|>:", and
    # for the next turn what was generated (it ends with <eom>) + "\n<|Human|>: …<eoh>\n<|MOSS|>:".
    "moss": (
        None,
        None,
        "Be brief.\n<|Human|>: Where?<eoh>\n<|MOSS|>:",
    ),
    # BlinkDL/ChatRWKV, API_DEMO_CHAT.py and the cards of RWKV-World: "User: …\n\nAssistant:", with
    # empty lines taken out of what is said.
    "rwkv-world": (
        "User: Where?\n\nAssistant:",
        "User: Where?\n\nAssistant: Here.\n\nUser: 为什么？\n\nAssistant:",
        "System: Be brief.\n\nUser: Where?\n\nAssistant:",
    ),
}


@cache
def compiled(name):
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )  # as transformers compiles them
    return environment.from_string(read_template(name))


def rendered(name, messages):
    return compiled(name).render(
        messages=messages, add_generation_prompt=True, bos_token="<s>", eos_token="</s>"
    )


def test_every_template_of_ours_is_compared():
    assert set(PUBLISHED) == set(names())


@pytest.mark.parametrize("name", names())
def test_a_template_writes_what_was_published(name):
    expected = PUBLISHED[name]
    for messages, text in zip((ONE, TWO, (SYSTEM, *ONE)), expected, strict=True):
        if text is not None:
            assert rendered(name, messages) == text


def test_moss_begins_with_its_makers_instruction():
    text = rendered("moss", TWO)
    assert text.startswith(
        "You are an AI assistant whose name is MOSS.\n- MOSS is a conversational"
    )
    assert text.endswith(
        "Capabilities and tools that MOSS can possess.\n"
        "<|Human|>: Where?<eoh>\n<|MOSS|>: Here.<eom>\n<|Human|>: 为什么？<eoh>\n<|MOSS|>:"
    )


def test_nothing_that_is_said_ends_a_turn_of_rwkv():
    said = {"role": "user", "content": "one\n\ntwo\r\n\r\nthree\n\n\n\nfour\n\n"}
    assert rendered("rwkv-world", (said,)) == "User: one\ntwo\nthree\nfour\n\nAssistant:"


@pytest.mark.parametrize(
    ("hints", "name"),
    [
        (("lmsys/vicuna-7b-v1.5", "llama"), "vicuna"),
        (("THUDM/chatglm-6b", "chatglm"), "chatglm-6b"),
        (("chatglm2-6b-int4", "chatglm"), "chatglm2-6b"),
        (("fnlp/moss-moon-003-sft", "moss"), "moss"),
        (("RWKV/rwkv-4-169m-pile", "rwkv"), "rwkv-world"),
        (("Llama-2-7b-chat-hf", "llama"), "llama-2-chat"),
        (("chinese-alpaca-7b", "llama"), "alpaca"),
        (("Qwen3-8B", "qwen3"), None),
        (("mossy-7b", "llama"), None),
        (("Llama-2-7b-hf", "llama"), None),
    ],
)
def test_a_family_is_told_by_its_name_or_type(hints, name):
    assert template_for(*hints) == name


@pytest.mark.parametrize("name", names())
async def test_llama_cpp_writes_the_same(name):
    """Its own Jinja, of which not everything is known that Python's can do."""
    xllamacpp = pytest.importorskip("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(bundled_model())
    parameters.chat_template = read_template(name)
    parameters.n_ctx = 256
    parameters.warmup = False
    parameters.verbosity = 0
    parameters.port = 0
    parameters.cpuparams.n_threads = 1
    server = xllamacpp.Server(parameters)
    async with httpx2.AsyncClient(trust_env=False) as client:
        for messages in (ONE, TWO, (SYSTEM, *ONE), (SYSTEM, *TWO)):
            reply = await client.post(
                f"{server.listening_address}/apply-template", json={"messages": list(messages)}
            )
            ours = rendered(name, messages).replace("<s>", "<|im_start|>")
            told = reply.json()["prompt"]
            assert told.removeprefix("<|im_start|>") == ours.replace(
                "</s>", "<|im_end|>"
            ).removeprefix("<|im_start|>")
    del server


async def test_an_engine_takes_one_of_ours_by_its_name():

    counts = []
    for wanted in (None, "moss"):
        settings = EngineSettings(model="bundled", chat_template=wanted, context_window=512)
        engine = await LlamaCppEngine.load(settings, 1)
        counts.append(await engine.count_tokens((ChatMessage("user", "Where?"),)))
        await engine.aclose()
    assert counts[1] > counts[0] + 100  # its makers' instruction stands before the question


async def test_a_template_that_is_not_there_is_told():

    settings = EngineSettings(model="bundled", chat_template="/nowhere/x.jinja")
    with pytest.raises(ModelNotLoadedError) as caught:
        await LlamaCppEngine.load(settings, 1)
    assert caught.value.detail == "/nowhere/x.jinja"


async def test_an_answer_ends_where_its_family_goes_on_by_itself():

    assert stops_of("rwkv-world") == ("\n\nUser:", "\n\nSystem:")
    assert stops_of(None) == stops_of("/a/file.jinja") == ()
    settings = EngineSettings(model="bundled", chat_template="rwkv-world", context_window=512)
    engine = await LlamaCppEngine.load(settings, 1)
    said = ""
    options = GenerationOptions(max_tokens=60, temperature=0.0)
    question = (ChatMessage("user", "Write: User: a, User: b"),)
    async with aclosing(engine.stream(question, options)) as events:
        async for event in events:
            said += getattr(event, "text", "")
    await engine.aclose()
    assert "\n\nUser:" not in said
