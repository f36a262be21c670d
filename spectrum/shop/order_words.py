"""The words of `spectrum.shop.orders`: phrases that are put together to orders, and the words that answers are made of.

Braces are filled when an order is drawn. Each list is a part of a skeleton; parts multiply to hundreds of wordings.
"""

# ---- classes: label -> words for it; every third word is never shown in tuning ----

CLASSES = {
    "sentiment": {
        "positive": ("positive", "happy", "pleased", "good", "satisfied", "glad", "plus", "content", "approving"),
        "negative": ("negative", "unhappy", "displeased", "bad", "dissatisfied", "sour", "minus", "cross", "critical"),
    },
    "urgency": {
        "high": ("high", "urgent", "pressing", "rush", "at once", "immediate", "hot", "quick", "asap"),
        "low": ("low", "not urgent", "relaxed", "whenever", "later", "patient", "cold", "slow", "no rush"),
    },
    "intent": {
        "refund": ("refund", "money back", "reimbursement", "repayment", "cash return", "pay back"),
        "exchange": ("exchange", "replacement", "swap", "new one", "trade", "substitute"),
        "tracking": ("tracking", "where is it", "whereabouts", "delivery status", "parcel search", "location"),
        "cancel": ("cancel", "stop", "call off", "cancellation", "drop the order", "withdraw"),
        "invoice": ("invoice", "receipt", "bill", "paper bill", "copy of the bill", "voucher"),
    },
    "category": {
        "lighting": ("lighting", "lights", "lamps"),
        "kitchen": ("kitchen", "cooking", "kitchenware"),
        "garden": ("garden", "gardening", "outdoors"),
        "bedroom": ("bedroom", "bedding", "sleep"),
        "toys": ("toys", "play", "games"),
        "office": ("office", "stationery", "desk"),
        "camping": ("camping", "hiking", "outdoor gear"),
        "tools": ("tools", "workshop", "hardware"),
    },
    "problem": {
        "broken": ("broken", "damaged", "defective", "smashed", "faulty", "in pieces"),
        "late": ("late", "delayed", "overdue", "not yet here", "slow delivery", "behind time"),
        "missing": ("missing", "incomplete", "parts absent", "something lacking", "not all there", "short"),
        "wrong": ("wrong", "mistaken", "not what was ordered", "mixed up", "another item", "incorrect"),
        "billing": ("billing", "charge", "payment", "overcharged", "price error", "card"),
        "none": ("nothing", "all fine", "in order", "no trouble", "okay", "without fault"),
    },
}
WHAT = {
    "sentiment": "what the customer thinks of the product",
    "urgency": "how soon an answer is needed",
    "intent": "what the customer wants",
    "category": "the part of the shop that the product belongs to",
    "problem": "what went wrong",
}
DESCRIBED = {
    "sentiment": "the customer's opinion of the product is {label}",
    "urgency": "the urgency is {label}",
    "intent": "the customer asks for: {label}",
    "category": "the product is from the {label} department",
    "problem": "the problem is: {label}",
}
NONE = ("none of these", "none", "other", "not listed")

# ---- asking for a choice ----

CHOOSE = (
    "Choose {what}", "Decide {what}", "Say {what}", "Tell me {what}", "Read the message and pick {what}",
    "Classify {what}", "Please label {what}", "I want to know {what}", "Which fits {what}", "Work out {what}",
    "Judge {what}", "Name {what}", "Determine {what}", "Mark {what}", "Your task is to find {what}",
)  # fmt: skip
AMONG = (
    ": {options}", ". Options: {options}", ". The options are {options}", ", out of {options}",
    ". Pick one of {options}", ". Possible answers: {options}", ", choosing from {options}",
    ". You may say {options}", ". Labels: {options}", ". Select from: {options}", ", as one of {options}",
)  # fmt: skip
EXACTLY = (
    ".", ". Answer with exactly that.", ". Nothing else.", ". Give only the answer.", ". Just the answer, please.",
    ". No explanation.", ". Reply with it alone.", ". Do not add anything.", ". Be brief: the answer only.",
    ". Write it and stop.", ". One answer, no sentence.", ". Please answer without any other word.",
)  # fmt: skip

# ---- rules ----

RULE = (
    "If {described}, answer {word}.", "When {described}, say {word}.", "Answer {word} if {described}.",
    "Write {word} whenever {described}.", "In case {described}, reply {word}.", "{word}: {described}.",
    "Should it be that {described}, respond with {word}.", "Use {word} when {described}.",
    "Where {described}, put {word}.", "Say {word} only if {described}.", "Reply {word} in the event that {described}.",
    "For messages in which {described}: {word}.", "Given that {described}, return {word}.",
    "Output {word} if {described}.", "Take {word} when {described}.", "Respond {word} as soon as {described}.",
)  # fmt: skip
OTHERWISE = (
    "Otherwise answer {word}.", "In all other cases say {word}.", "Else {word}.",
    "If none of this holds, write {word}.",
    "For anything else: {word}.", "When nothing fits, reply {word}.", "Any other message gets {word}.",
    "Failing that, {word}.", "Should no rule apply, say {word}.", "In every other case use {word}.",
    "If not, return {word}.", "The rest is {word}.",
)  # fmt: skip
ONLY = ("", "Write nothing else.", "One word only.", "Only the word.", "No explanation.", "Do not explain.")

# ---- fields ----

FIELD_NAMES = {
    "name": ("the customer's name", "the name of the writer", "who wrote it", "the sender's first name"),
    "city": ("the city", "the customer's city", "the town where the customer lives", "the writer's home town"),
    "product": ("the product", "the name of the product", "the article that was ordered", "what was bought"),
    "quantity": ("the quantity as a digit", "how many were ordered, as a digit", "the number of pieces in digits"),
    "order": ("the order number", "the number of the order", "the order's number"),
}
ASK = (
    "Give {what}", "Find {what}", "Write {what}", "Extract {what}", "Tell me {what}", "I need {what}",
    "Please state {what}", "Look up {what} in the message", "Copy out {what}", "Read the message and give {what}",
    "From the message, take {what}", "Answer with {what}", "Return {what}", "Show me {what}", "Pull out {what}",
    "Your task: {what}", "Report {what}", "Note down {what}",
)  # fmt: skip
EXTRA = {
    "plain": ("",),
    "capitals": (" in capital letters", " in upper case", ", all letters large", " in block capitals", " IN CAPITALS"),
    "quoted": (" in double quotes", ", put in quotation marks", " between double quotation marks", ", quoted"),
    "prefixed": (
        " after \"{word}: \"", ", beginning with \"{word}: \"", " as \"{word}: …\"", " with \"{word}: \" before it",
    ),
}  # fmt: skip

# ---- forms ----

GET = (
    "Give {keys}", "Extract {keys}", "Write {keys}", "Return {keys}", "I need {keys}", "Put {keys}", "Collect {keys}",
    "Please report {keys}", "List {keys}", "Read the message and output {keys}", "Find {keys} and write them",
    "Turn the message into {keys}", "Take {keys} from the message", "Fill in {keys}",
)  # fmt: skip
FORMS = {
    "json": (" as JSON", " as a JSON object", " in JSON", ", formatted as JSON", " into a JSON object with these keys",
             ": JSON, please", " as one line of JSON"),
    "xml": (" as XML tags", " in XML, one tag for each", " as XML", ", each in a tag of its name", " between XML tags",
            " in the form <key>value</key>", ": XML without a root"),
    "lines": (" as key: value lines", ", one per line as key: value", " line by line, key: value",
              " as lines key: value",
              ", each on its own line after its name and a colon", " as a plain list of key: value"),
    "markdown": (" as a Markdown list of key: value", " as a bulleted list, key: value",
                 " as bullet points with - key: value",
                 " in a Markdown list, each as key: value", " as dashes with key: value"),
    "csv": (" as CSV, in this order", " as comma-separated values", " in one line of CSV without a header",
            ", separated by commas and without blanks", " as a CSV row"),
}  # fmt: skip
NOTHING_ELSE = (".", ". Nothing else.", ". Only that.", ". No other text.", ". No comment.", ". Without explanation.",
                ". Output that alone.", ". Write just this.")  # fmt: skip

# ---- voices ----

ROLE = (
    "You are {a}", "Act as {a}", "Speak like {a}", "Answer as {a} would", "Be {a}", "Pretend to be {a}",
    "Play the part of {a}", "From now on you are {a}", "Talk the way {a} talks", "Imagine that you are {a}",
    "Take on the role of {a}", "Your voice is that of {a}", "Reply in the manner of {a}", "Today you are {a}",
)  # fmt: skip
NOT_ROLE = (
    "You are not {a}", "Do not act as {a}", "Never speak like {a}", "Do not sound like {a}", "You are no {persona}",
    "You are anything but {a}", "Avoid the manner of {a}", "Stop being {a}", "Do not answer as {a} would",
    "You used to be {a}, but no longer are", "Please do not talk like {a}", "This is not the place for {a}",
    "Under no circumstances be {a}", "You must not pretend to be {a}",
)  # fmt: skip
ROLE_END = (".", "!", ", please.", " in this chat.", " for this answer.", " today.", " at work.", " in all you say.")

# ---- lists ----

THINGS = (
    "river road moon stone apple bread chair door window garden letter paper silver copper winter summer harbor castle "
    "mountain valley forest candle mirror basket ladder bottle button carpet cotton dragon engine feather finger "
    "glass hammer honey island jacket kitten lemon market needle ocean pencil pepper pocket rabbit ribbon saddle "
    "shadow sailor spider spring table thunder tiger tower turtle velvet violin wagon water wheel wool zebra maple "
    "oyster falcon beacon anchor cactus dolphin ember gravel"
).split()
ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth", "sixth")
OPERATIONS = {
    "first": ("Give the first word", "Write the word that comes first", "Which word opens the list? Write it",
              "Name the first of these", "Take the first item", "I want the one at the beginning",
              "Say the first entry",
              "What stands at the start? Write it", "Copy the first one"),
    "last": ("Give the last word", "Write the word that comes last", "Which word ends the list? Write it",
             "Name the last of these", "Take the last item", "I want the one at the end", "Say the last entry",
             "What stands at the end? Write it", "Copy the final one"),
    "nth": ("Give the {nth} word", "Write word number {place}", "Name the {nth} of these", "Take the {nth} item",
            "Which word is number {place}? Write it", "I want the {nth} entry", "Copy the {nth} one",
            "What stands in place {place}? Write it"),
    "reverse": ("Write the words in reverse order", "Turn the list round", "List them backwards",
                "Give the list from the end",
                "Reverse the order of the words", "Begin with the last and end with the first",
                "Put them the other way round"),
    "sort": ("Sort the words from A to Z", "Put the list in alphabetical order", "Order them by the alphabet",
             "Arrange the words alphabetically", "Write them as a dictionary would order them", "Sort from a to z"),
    "count": ("How many words are there? Write the digit", "Count the words and write the number",
              "Give the number of items",
              "Write how many there are, as a digit", "Say the length of the list in digits", "Count the entries"),
    "join": ("Join the words with and", "Write all words with \"and\" between them", "Put and between the words",
             "Link them by and instead of commas", "Connect all with and", "Replace each comma by and"),
    "without first": ("Leave out the first word and write the others", "Drop the first item", "Give all but the first",
                      "Remove the word at the start", "Write the list without its first word", "Skip the first one"),
}  # fmt: skip

# ---- limits, look-ups ----

REPEAT = (
    "Repeat the first {count} {word} of the message", "Copy the first {count} {word}",
    "Write the first {count} {word} again",
    "Give me the beginning: {count} {word}", "Quote the opening {count} {word}", "Type out the first {count} {word}",
    "How does it begin? {count} {word}", "Start of the message, {count} {word}", "Cite {count} {word} from the start",
    "Say the first {count} {word} as they stand",
)  # fmt: skip
READ = (
    "{question}", "Use the lines to answer: {question}", "Answer from the text: {question}",
    "According to the lines: {question}",
    "Read the facts. {question}", "{question} Look it up.", "I have a question. {question}",
    "Only from what is written: {question}",
    "With these notes in hand: {question}", "Please tell me from the catalogue: {question}",
    "Question: {question}", "Look here and answer: {question}",
)  # fmt: skip
UNKNOWN = (
    " If it is not there, write {none}.", " Say {none} when nothing tells.", " Write {none} if you cannot find it.",
    " Where the answer is missing: {none}.", " No guessing: otherwise {none}.", " Answer {none} if no line says so.",
    " Should it be absent, reply {none}.", " If none of it helps, put {none}.", " Nothing there? Then {none}.",
)  # fmt: skip
