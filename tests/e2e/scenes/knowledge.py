"""What each place knows: documents of the same names that say something else everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that one place's documents answer."""

    question: str
    answer: str
    """What a right answer holds, and nothing that another place knows does."""
    document: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Three documents and what can be asked of them."""

    documents: dict[str, str]
    facts: tuple[Fact, ...]

    @property
    def marks(self) -> tuple[str, ...]:
        """What only these documents say."""
        return tuple(fact.answer for fact in self.facts)


def knowledge(
    opening: str, ticket: str, caretaker: str, desk: str, tea: tuple[str, str], *, ping: str
) -> Knowledge:
    """`tea`: its name and a pot's price; `ping`: what would notify somebody as it stands."""
    tea_name, pot = tea
    documents = {
        "hours.txt": (
            f"The library opens at {opening} on weekdays.\n"
            "On Sundays the library stays closed all day.\n"
        ),
        "prices.md": (
            f"# Prices\n\nA day ticket for visitors costs {ticket} crowns.\n\n"
            f"# People\n\nThe caretaker of the west gate is {caretaker}.\n\n"
            f"# Lost keys\n\nFor a lost key call @everyone or {ping} to desk {desk}.\n"
        ),
        "茶室.txt": f"茶室的招牌茶是{tea_name}。\n\n茶室的一壶茶收费{pot}元。\n",
    }
    facts = (
        Fact("When does the library open on weekdays?", opening, "hours.txt"),
        Fact("How much is a day ticket for visitors?", f"{ticket} crowns", "prices.md"),
        Fact("Who is the caretaker of the west gate?", caretaker, "prices.md"),
        Fact("Whom do I call for a lost key?", f"desk {desk}", "prices.md"),
        Fact("茶室的招牌茶是什么？", tea_name, "茶室.txt"),
        Fact("茶室的一壶茶收费多少元？", f"{pot}元", "茶室.txt"),
    )
    return Knowledge(documents, facts)
