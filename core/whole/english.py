"""How questions about the whole are put in English. Pure; patterns, the first that fits is taken
first.

Members write what they are held against, on the event loop: within a repetition there is one way
only to read a text, or a few hundred characters keep everybody waiting for hours.
"""

from __future__ import annotations

import re
from typing import Final

from core.whole.kinds import Kind, Reading

POLITE: Final = re.compile(
    r"(?i)^(?:(?:please|pls|hey|hi|hello|ok(?:ay)?|so|now|and|then|also)\b[\s,]*)*"
    r"(?:(?:can|could|would|will|may) (?:you|i|we)(?: please| kindly)?(?: (?:have|get))? |"
    r"(?:i|we)(?:'d| would)? (?:want|need|like)(?: you)?(?: to(?: (?:have|see|get|know))?)? |"
    r"let's |help me (?:to )?)?(?:please )?"
)
_OF: Final = r"(?P<of>.+?)"
_HOW_EN: Final = (
    r"(?:,? (?:(?:in|with|into|as|using) (?:about |at most |no more than |under )?"
    r"(?:(?:a|an|one|two|three|four|five|six|seven|eight|ten|\d{1,4}|few|some|simple|plain|"
    r"short|bullet|key|brief|your|own|the) )*"
    r"(?:words?|sentences?|lines?|paragraphs?|(?:bullet )?points?|bullets|nutshell|short|brief|"
    r"english|chinese|list|page)|briefly|shortly|for me|for us|quickly))*"
)
_SORT_EN: Final = (
    r"(?:(?:a|an|the|some|your) )?(?:(?:short|brief|quick|long|longer|detailed|concise|executive|"
    r"good|nice|full|complete|general|rough|high-level|one-paragraph|one-page|simple),? )*"
)
_GIVE_EN: Final = r"(?:(?:give|show|write|make|provide|send|get|tell|create|do)(?: me| us)? )?"
_DOC_EN: Final = (
    r"(?:the |this |that |each |every |your |my |our )?(?:document|file|pdf|doc|handbook|manual)s?"
)
_BOTH: Final = r"(?!.* (?:and|with|to|against|vs\.?|versus) )(?P<both>.+?)"
"""Two documents by one name."""
_DEADLINES: Final = r"(?P<sort>deadlines|due dates|time limits)"

READINGS: Final[tuple[Reading, ...]] = tuple(
    (kind, strictly, re.compile(pattern, re.IGNORECASE))
    for kind, strictly, pattern in (
        # What there is.
        (
            Kind.INVENTORY,
            False,
            r"(?:so )?(?:what|which things) (?:do|did|can) you (?:know|learn|answer)(?: about)?"
            r"(?: here| in here| in this (?:channel|chat|group|server)| so far| already)?|"
            r"what can (?:i|we) ask(?: you)?(?: about| here| about here)*|"
            r"what (?:are|is) you(?:r knowledge)? (?:about|based on)|"
            r"what(?:'s| is) in (?:your|the|this) (?:knowledge(?: ?base)?|library|archive)|"
            r"(?:what|which) (?:documents?|files?|docs|sources)(?: and files)? "
            r"(?:do|did|can|are|have) (?:you|there|we|i)"
            r"(?: (?:have|know|read|got|use|see|ask|learn|learned|learnt|been given))?"
            r"(?: you)?(?: about| access to| loaded| stored| available| here| there| in here|"
            r" in this (?:channel|chat|group|server))*|"
            r"(?:list|show|name)(?: me| us)? (?:all )?(?:of )?(?:the |your |my |our )?"
            r"(?:documents|files|docs|sources)"
            r"(?: (?:you (?:have|know)|here|there are|that you (?:have|know)))*|"
            r"(?:what|which) (?:documents|files|docs) are (?:here|there|available|loaded|stored|"
            r"in (?:here|the (?:knowledge )?base|this (?:channel|chat|group|server)))(?: here)?",
        ),
        # A summary.
        (
            Kind.SUMMARY,
            False,
            rf"(?:summari[sz]e|sum up|recap|condense)(?: {_OF})??{_HOW_EN}|"
            rf"(?:summari[sz]e|sum) (?P<up>.+?) up",
        ),
        (
            Kind.SUMMARY,
            False,
            rf"{_GIVE_EN}{_SORT_EN}(?:summary|overview|recap|tl;?\s?dr|synopsis|abstract|gist|"
            rf"rundown|digest)(?: (?:of|for|on) {_OF})??{_HOW_EN}",
        ),
        (
            Kind.SUMMARY,
            False,
            rf"(?:{_GIVE_EN}|what are )(?:the )?(?:main|key|most important|central) "
            rf"(?:points|ideas|messages|takeaways|facts|contents?) (?:of|in|from) {_OF}{_HOW_EN}",
        ),
        (
            Kind.SUMMARY,
            False,
            rf"tl;?\s?dr(?:[ :,]+(?:of |for )?{_OF})?|(?P<before>.+?)[ :,]+tl;?\s?dr",
        ),
        (
            Kind.SUMMARY,
            True,
            rf"what(?:'s| is| are) {_OF} (?:all )?about|what does (?P<says>.+?) say",
        ),
        (Kind.SUMMARY, True, rf"what(?:'s| is| stands) in {_OF}"),
        # An outline.
        (
            Kind.OUTLINE,
            False,
            rf"{_GIVE_EN}{_SORT_EN}(?:outline|table of contents|toc|chapter list|list of chapters)"
            rf"(?: (?:of|for|from) {_OF})?",
        ),
        (Kind.OUTLINE, False, r"outline (?!of |for )(?P<of>.+?)"),
        (
            Kind.OUTLINE,
            False,
            rf"(?:{_GIVE_EN}|list |what are |how is )(?:all )?(?:of )?(?:the )?"
            rf"(?:chapters|sections|headings|parts|structure) (?:of|in) {_OF}|"
            rf"(?:what|which) (?:chapters|sections|headings|parts) (?:does|do|are in|are there in|"
            rf"has) (?P<has>.+?)(?: (?:have|contain))?|"
            rf"how is (?P<built>{_DOC_EN}|.+\.\w{{2,5}}) (?:structured|organi[sz]ed|laid out)",
        ),
        # Versions of one document.
        (
            Kind.VERSIONS,
            False,
            rf"what(?:'s| is| has| have)? ?(?:changed|new|different|been changed)"
            rf"(?: in {_OF})? (?:since|from|compared (?:to|with)|against) (?:the |its )?"
            rf"(?:last|previous|old|older|earlier|former) (?:version|edition|one|release)"
            rf"(?: of (?P<version_of>.+?))?",
        ),
        (
            Kind.VERSIONS,
            False,
            rf"(?:compare|what(?:'s| is| are)? (?:changed|different|(?:the )?differences?) between)"
            rf" (?:the |both )?(?:two |last two |old and (?:the )?new |previous and (?:the "
            rf")?current "
            rf"|new and (?:the )?old |different )*(?:versions|editions)(?: (?:of|for) {_OF})?",
        ),
        (
            Kind.VERSIONS,
            False,
            rf"what(?:'s| is) (?:new|different|changed) in the (?:new|latest|newest|current|last) "
            rf"(?:version|edition)(?: of {_OF})?",
        ),
        # Two documents.
        (
            Kind.COMPARISON,
            False,
            rf"compare {_OF} (?:and|with|to|against|vs\.?|versus) (?P<other>.+)",
        ),
        (
            Kind.COMPARISON,
            True,
            rf"(?:(?:what(?:'s| is| are|)|{_GIVE_EN}|list|tell me|explain|find) ?)?"
            rf"(?:all )?(?:the )?(?:main |key )?(?:differences?|changes?|comparison) "
            rf"between {_OF} and (?P<other>.+)",
        ),
        (
            Kind.COMPARISON,
            True,
            rf"what(?:'s| is| has| have)? ?(?:changed|new|different|been changed) "
            rf"(?:between|from) {_OF} (?:and|to) (?P<other>.+)",
        ),
        (
            Kind.COMPARISON,
            True,
            rf"how (?:does|do|did) {_OF} (?:differ|compare) (?:from|to|with) (?P<other>.+)",
        ),
        (
            Kind.COMPARISON,
            False,
            rf"compare (?:the |these |those )?(?:two|both) {_BOTH}",
        ),
        (Kind.COMPARISON, True, rf"compare {_BOTH}"),
        (
            Kind.COMPARISON,
            False,
            rf"(?:(?:what(?:'s| is| are|)|{_GIVE_EN}|list|tell me|explain|find) ?)?"
            r"(?:all )?(?:the )?(?:main |key )?(?:differences?|changes?|comparison) "
            rf"between (?:the |these |those )?(?:two|both)(?: of the| the)? {_BOTH}",
        ),
        # All of something.
        (
            Kind.ALL,
            False,
            r"(?:list|enumerate|name|collect|extract|gather|compile|find|give|show|tell|get|pull "
            r"out)"
            r"(?: me| us)?(?: a (?:complete |full )?list of)? (?:all|every|each)"
            r"(?: (?:single )?one)?(?: of)?(?: the| your| our)? (?P<topic>.+)",
        ),
        (
            Kind.ALL,
            False,
            r"(?:give|show|make|write|get)(?: me| us)? (?:a|the) (?:complete|full|whole) list of"
            r"(?: all)?(?: of)?(?: the)? (?P<topic>.+)",
        ),
        (Kind.ALL, False, r"what are (?:all|all of) (?:the )?(?P<topic>.+)"),
        (Kind.ALL, True, r"(?:all|every)(?: of)?(?: the)? (?P<topic>.+)"),
        (
            Kind.ALL,
            True,
            rf"(?:what|which)(?: are)? (?:the )?(?P<sort>[\w -]{{3,30}}?)"
            rf"(?: (?:are|stand)(?: there)?)? (?:in|of|from) {_OF}",
        ),
        (
            Kind.ALL,
            False,
            rf"(?:what(?: are(?: the| our| my| your)?)?|which|are there any) {_DEADLINES}"
            r"(?: are there| do (?:we|i|you) (?:have|know(?: of)?))?(?: here)?",
        ),
    )
)
