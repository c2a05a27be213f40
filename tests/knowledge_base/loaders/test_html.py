"""HTML: what a reader sees."""

from __future__ import annotations

from knowledge_base.models import Section

PAGE = """<!DOCTYPE html><html><head><title>Hut rules</title>
<style>p {color: red}</style><script>var secret = 1;</script></head>
<body><nav><a href="/">Home</a></nav>
<h1>Rules of <em>the</em> hut</h1>
<p>Quiet from 22:00.<br>Lights
out.</p><script>alert("no")</script>
<ul><li>Boots outside</li><li>Dogs<ul><li>never inside</li></ul></li></ul>
<h2>Prices</h2>
<table><caption>For one night</caption>
<tr><th>Place</th><th>Members</th><th>Guests</th></tr>
<tr><td>Bed</td><td>16</td><td>27</td></tr>
<tr><td rowspan="2">Board</td><td>31</td><td>31</td></tr>
<tr><td>18</td><td>18</td></tr></table>
<div>Cash <b>only</b>.<img src="x.png" alt="A till"></div>
<pre>  keep
    this</pre>
<!-- a remark --><template>never seen</template></body></html>"""


def test_headings_lists_and_tables_survive_and_scripts_do_not(read):
    rules, prices = "Hut rules › Rules of the hut", "Hut rules › Rules of the hut › Prices"

    assert read("a.html", PAGE) == [
        Section("Home", "Hut rules"),
        Section("Quiet from 22:00.\nLights out.\n\n- Boots outside\n- Dogs\n- never inside", rules),
        Section("For one night", prices),
        Section(
            "Place: Bed; Members: 16; Guests: 27\n"
            "Place: Board; Members: 31; Guests: 31\n"
            "Place: Board; Members: 18; Guests: 18",
            prices,
            None,
            True,
        ),
        Section("Cash only. A till\n\n  keep\n    this", prices),
    ]


def test_the_title_is_no_heading_of_its_own_when_the_first_heading_repeats_it(read):
    (section,) = read("a.html", "<title>Rules - Hut</title><h1>Rules</h1><p>Quiet.")

    assert section == Section("Quiet.", "Rules")


def test_tables_that_lay_out_a_page_are_read_as_a_page(read):
    text = (
        "<table><tr><td>menu</td><td><h2>News</h2><p>Open again.</p>"
        "<table><tr><th>Day</th><th>Hour</th></tr><tr><td>Monday</td><td>9</td></tr></table>"
        "</td></tr></table>"
    )

    assert read("a.html", f"<html>{text}") == [
        Section("menu"),
        Section("Open again.", "News"),
        Section("Day: Monday; Hour: 9", "News", None, True),
    ]


def test_the_page_says_its_encoding(read):
    page = '<html><head><meta charset="gb2312"></head><body><p>雾砚茶业</p></body></html>'

    assert read("a.html", page.encode("gbk")) == [Section("雾砚茶业")]


def test_broken_html_is_read_all_the_same(read):
    (section,) = read("a.html", "<html><p>One <b>two<p>three</i> &amp; four &nope; <td>five")

    assert section.text.split() == ["One", "two", "three", "&", "four", "&nope;", "five"]


def test_elements_nested_past_all_reason_are_read(read):
    depth = 20_000

    sections = read("a.html", "<html>" + "<div>" * depth + "deep" + "</div>" * depth + "<p>after")

    assert "deep" in "".join(section.text for section in sections)
