"""For who comes from langchain-ChatGLM: nothing of theirs left out, nothing of ours made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import config_values
from core.channel_settings import SETTINGS
from core.commands import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("from-langchain-chatglm.md", "from-langchain-chatglm.zh-CN.md")
_THEIRS = """
LOG_FORMAT embedding_model_dict EMBEDDING_MODEL EMBEDDING_DEVICE llm_model_dict LLM_MODEL
LOAD_IN_8BIT BF16 LORA_DIR LLM_LORA_PATH USE_LORA STREAMING USE_PTUNING_V2 PTUNING_DIR LLM_DEVICE
KB_ROOT_PATH PROMPT_TEMPLATE CACHED_VS_NUM SENTENCE_SIZE CHUNK_SIZE LLM_HISTORY_LEN
VECTOR_SEARCH_TOP_K VECTOR_SEARCH_SCORE_THRESHOLD NLTK_DATA_PATH FLAG_USER_NAME OPEN_CROSS_DOMAIN
BING_SEARCH_URL BING_SUBSCRIPTION_KEY ZH_TITLE_ENHANCE
name pretrained_model_name local_model_path provides api_base_url api_key
--model-name --no-remote-model --load-in-8bit --bf16 --use-lora --lora --lora-dir --use-ptuning-v2
--ptuning-dir
/chat /local_doc_qa/local_doc_chat /local_doc_qa/stream_chat /local_doc_qa/bing_search_chat
/local_doc_qa/stream_chat_bing /local_doc_qa/upload_file /local_doc_qa/upload_files
/local_doc_qa/update_file /local_doc_qa/list_knowledge_base /local_doc_qa/list_files
/local_doc_qa/delete_knowledge_base /local_doc_qa/delete_file
fastchat.serve.controller fastchat.serve.model_worker fastchat.serve.vllm_worker
fastchat.serve.openai_api_server fastchat.serve.gradio_web_server fastchat.serve.cli
"""
THEIRS = _THEIRS.split()
CONTROLS = (
    "LLM 对话", "知识库问答", "Bing搜索问答", "请选择要加载的知识库", "更新已有知识库选项",
    "请输入新建知识库名称", "添加至知识库选项", "删除本知识库", "文本入库分句长度限制", "上传文件",
    "上传文件夹", "上传文件并加载知识库", "删除文件", "从知识库中删除选中文件",
    "知识相关度 Score 阈值",
    "获取知识库内容条数", "是否启用上下文关联", "匹配单段内容的连接上下文后最大长度",
    "添加单条内容", "标题", "内容",
    "禁止内容分句入库", "LLM 模型", "重新加载模型", "加载本地模型", "LLM 对话轮数",
    "使用p-tuning-v2微调过的模型", "使用lora微调的权重", "Embedding 模型", "向量匹配 top k",
)  # fmt: skip
"""Labels of the web page at v0.1.17."""
KEYS = frozenset(config_values.keys())
_SECTION = "|".join({key.partition(".")[0] for key in KEYS if "." in key})


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_everything_of_theirs_stands_in_the_first_column(name):
    firsts = "\n".join(line.split("|")[1] for line in page(name).splitlines() if line[:2] == "| ")
    # "`python api.py --host --port`" names several.
    told = {word for code in re.findall(r"`([^`]+)`", firsts) for word in (code, *code.split())}
    assert sorted({*THEIRS, *CONTROLS} - told) == []


@pytest.mark.parametrize("name", PAGES)
def test_keys_and_commands_of_ours_are_there(name):
    text = page(name)
    keys = set(re.findall(rf"`((?:{_SECTION})\.\w+)`", text))
    assert len(keys) > 15
    assert sorted(keys - KEYS - {"api.py"}) == []
    ours = {command.name for command in COMMANDS}
    said = re.findall(r"`/((?:kb )?[a-z]+)\b[^`]*`", text)
    wrong = [one for one in said if one not in ours and f"/{one}" not in THEIRS]
    assert [one for one in wrong if one not in ("local", "v")] == []
    settings = {setting.key for setting in SETTINGS}
    assert set(re.findall(r"`/settings (\w+)", text)) <= settings


def test_both_languages_have_the_same_rows():
    def ours(name: str) -> list[list[str]]:
        rows = [line.split("|")[2] for line in page(name).splitlines() if line[:2] == "| "]
        return [re.findall(r"`([a-z]+\.[a-z_]+)`", row) for row in rows]

    assert ours(PAGES[0]) == ours(PAGES[1])
