"""Forms of question for lab 06's open task, put together anew for each attempt: none of them is stored anywhere."""

_ASKED = {
    "colour": ("the colour of the {p}", "which colour the {p} comes in", "what colour the {p} has been given",
               "the {p} and its colour"),
    "price": ("the price of the {p}", "how much one pays for the {p}", "what the {p} would cost me",
              "the {p} and its price"),
    "weight": ("how heavy the {p} may be", "the weight of the {p}", "what the {p} would weigh",
               "the {p} and its weight"),
    "warehouse": ("which warehouse keeps the {p}", "the warehouse of the {p}", "where the {p} has been stored",
                  "the {p} and its warehouse"),
    "shelf": ("the shelf of the {p}", "which shelf to look on for the {p}", "the shelf that has the {p}",
              "the {p} and its shelf"),
    "maker": ("the maker of the {p}", "which company to thank for the {p}", "who makes the {p} these days",
              "the {p} and its maker"),
}  # fmt: skip
# Their small words stand in the lines too, so that a question itself finds even less.
_AROUND = (
    "Is there a note on it in your books, {asked}?",
    "It is on my list, sent in by a friend: {asked}?",
    "My order is in, and I have to know by noon {asked}.",
    "This is what I am asked on the phone by a friend: {asked}?",
    "One thing is missing in my notes on the order: {asked}.",
    "It is on my mind in the morning: {asked}?",
)
# One form of each field is short, its word with a capital, after a name whose end reads like the end of "the".
_SHORT = "For Manche House in {month}: {field} of the {{p}}?"
_MONTHS = ("January", "February", "April", "June", "July", "August", "October", "November", "December")


def draw_forms(rng):
    """Returns [(field, form)], five new forms for each field: what is asked, each time in other words around it."""
    drawn = []
    for field, asked in _ASKED.items():
        around = rng.sample(_AROUND, len(asked))
        drawn += [(field, words.format(asked=part)) for words, part in zip(around, asked, strict=True)]
        drawn.append((field, _SHORT.format(month=rng.choice(_MONTHS), field=field.capitalize())))
    return drawn
