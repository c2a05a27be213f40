"""Questions about the whole are told from ordinary ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.whole.kinds import Kind
from core.whole.recognising import is_generic, points, wanted

KNOWLEDGE = Path(__file__).parents[3] / "knowledge_base"

ORDINARY = """
What do you know about the ferry?
What documents do I need to join the library?
Which files may be uploaded to Lanternfold?
Is there a summary of the rules on the wall?
Who wrote the summary of the meeting?
How do I summarise a note in Moyi?
What changed in Lanternfold 4.2?
What is new in Lanternfold 4.2?
What are the opening hours?
When are all libraries closed?
Are all members allowed to use the laser cutter?
Do all machines need an induction?
Is everything free for children?
Every member gets a key, right?
All books are due when?
How many of all loans are late?
Where can I find the table of contents?
What is the structure of the club?
How is the club organised?
Which parts of the hut are heated?
Sum up what we discussed
Can you summarise the conversation so far?
summarise this thread
tell me all about it
Show me how to use the table saw
Give me the phone number of the warden
List the prices of the hut
Which deadlines are there for the cabin?
Who can see the documents I upload?
How do I add a document?
What can I do here?
Do you know the opening hours?
What do you think?
Can you read PDFs?
What happens if all else fails?
Which versions of Lanternfold are supported?
Is the new version of Lanternfold faster than the old one?
What do the documents say about dogs?
what did the last edition cost?
你知道渡船几点开吗？
你知道图书馆在哪里吗？
你有什么建议？
办借书证需要什么文件？
报名要交哪些资料？
可以上传哪些文件？
所有员工都有年假吗？
所有会员都可以用激光切割机吗？
每个人可以借几本？
每次可以借多少册？
全部费用一共多少钱？
社员价和非社员价差多少？
墨蚁笔记的新版本有什么变化？
新版什么时候发布？
这个多少钱？
图书馆有哪些部门？
借阅规则里怎么规定逾期？
手册在哪里可以拿到？
目录在哪里？
怎么总结笔记？
年终总结什么时候交？
总结一下刚才的讨论
总结一下我们说的
请介绍一下图书馆
介绍一下松塘青年旅舍
列车几点开？
有哪些优惠？
有哪些设备？
有哪些活动？
店长是谁？
我想了解一下会费
资料室几点关门？
文件最大可以多大？
知识库怎么用？
你是谁？
你会做什么？
所有费用都要现金吗？
旅舍提供什么？
一共有多少个座位？
""".strip().splitlines()


@pytest.mark.parametrize("question", ORDINARY)
def test_an_ordinary_question_wants_nothing_of_the_whole(question):
    assert wanted(question) == ()


@pytest.mark.parametrize("name", ["golden_questions.jsonl", "sample_questions.jsonl"])
def test_none_of_the_shipped_questions_wants_anything_of_the_whole(name):
    lines = (KNOWLEDGE / name).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    asked = [text for row in rows for text in (row["question"], *row.get("turns", ()))]
    assert len(asked) >= 40
    assert [text for text in asked if wanted(text)] == []


@pytest.mark.parametrize(
    ("question", "kind", "of", "other", "topic"),
    [
        ("summarise handbook.pdf", Kind.SUMMARY, "handbook.pdf", "", ""),
        ("Summarize the handbook in three sentences.", Kind.SUMMARY, "the handbook", "", ""),
        ("Can you please summarise this document for me?", Kind.SUMMARY, "this document", "", ""),
        ("tl;dr", Kind.SUMMARY, "", "", ""),
        ("TL;DR of rules.pdf", Kind.SUMMARY, "rules.pdf", "", ""),
        ("give me a short overview of the guide", Kind.SUMMARY, "the guide", "", ""),
        ("What are the main points of rules.pdf?", Kind.SUMMARY, "rules.pdf", "", ""),
        ("What is rules.pdf about?", Kind.SUMMARY, "rules.pdf", "", ""),
        ("总结一下这个文件", Kind.SUMMARY, "这个文件", "", ""),
        ("帮我把员工手册总结一下", Kind.SUMMARY, "员工手册", "", ""),
        ("用三句话总结员工手册", Kind.SUMMARY, "员工手册", "", ""),
        ("员工手册的主要内容是什么？", Kind.SUMMARY, "员工手册", "", ""),
        ("员工手册讲了什么？", Kind.SUMMARY, "员工手册", "", ""),
        ("把这份资料的要点列出来", Kind.SUMMARY, "这份资料", "", ""),
        ("outline of the safety manual", Kind.OUTLINE, "the safety manual", "", ""),
        ("table of contents of rules.pdf", Kind.OUTLINE, "rules.pdf", "", ""),
        ("这份文件的大纲", Kind.OUTLINE, "这份文件", "", ""),
        ("rules.pdf里有哪些章节？", Kind.OUTLINE, "rules.pdf", "", ""),
        ("list all deadlines in rules.pdf", Kind.ALL, "rules.pdf", "", "deadlines"),
        ("what are all the fees?", Kind.ALL, "", "", "fees"),
        ("list every fee", Kind.ALL, "", "", "fee"),
        ("all deadlines", Kind.ALL, "", "", "deadlines"),
        ("列出手册里所有的截止日期", Kind.ALL, "手册", "", "截止日期"),
        ("所有费用有哪些？", Kind.ALL, "", "", "费用"),
        ("把手册中的所有日期都列出来", Kind.ALL, "手册", "", "日期"),
        ("compare A.pdf and B.pdf", Kind.COMPARISON, "A.pdf", "B.pdf", ""),
        ("what changed between a.md and b.md?", Kind.COMPARISON, "a.md", "b.md", ""),
        ("比较2022年版和现在的指南", Kind.COMPARISON, "2022年版", "现在的指南", ""),
        ("指南和指南2022年版有什么区别？", Kind.COMPARISON, "指南", "指南2022年版", ""),
        ("what changed since the last version of a.md?", Kind.VERSIONS, "a.md", "", ""),
        ("员工手册和上一版相比有什么变化", Kind.VERSIONS, "员工手册", "", ""),
    ],
)
def test_what_is_wanted_and_of_what_is_read_off_the_question(question, kind, of, other, topic):
    first = wanted(question)[0]
    assert (first.kind, first.of, first.other, first.topic) == (kind, of, other, topic)


@pytest.mark.parametrize(
    "question",
    [
        "What do you know?",
        "what documents do you have?",
        "Which files can I ask you about?",
        "list your documents",
        "what is in your knowledge base",
        "你知道什么？",
        "你都知道些什么",
        "有哪些文档？",
        "你有哪些资料",
        "知识库里有什么？",
        "列出所有文档",
    ],
)
def test_what_there_is_at_all_is_asked_for(question):
    assert [want.kind for want in wanted(question)][:1] == [Kind.INVENTORY]


def test_words_that_any_document_may_be_called_by_say_nothing_of_which():
    assert is_generic("this document")
    assert is_generic("the file I uploaded")
    assert is_generic("这份文件")
    assert not is_generic("the handbook")
    assert not is_generic("员工手册")
    assert points("it")
    assert points("这个")
    assert not points("this document")


def test_a_long_text_tells_something_and_wants_nothing():
    assert wanted("summarise " + "the book of the town " * 40) == ()


@pytest.mark.parametrize("repeated", ["short ", "in short ", ", in short", "short, ", "7"])
@pytest.mark.parametrize("before", ["", "summarise the rules in ", "give me a "])
def test_a_hostile_text_is_read_at_once(before, repeated):
    text = f"{before}{repeated * 60}"[:390]
    reading = (
        "from core.whole import english\n"
        f"for _, _, reading in english.READINGS: reading.fullmatch({text!r} + '\\x01')"
    )
    # Another process can be ended: a pattern that goes through all ways to read it never returns.
    subprocess.run([sys.executable, "-c", reading], cwd=KNOWLEDGE.parent, check=True, timeout=60)
