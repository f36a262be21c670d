"""The words in which tasks are asked: for each, 8 wordings of its instruction, of which the last two are held out.

The braces are filled in `spectrum.shop.tasks`; wordings 6 and 7 stand in no training data.
"""

from spectrum.prompts import READING
from spectrum.shop import messages, world

FIELDS = {
    "name": "the customer's name",
    "city": "the city",
    "product": "the product",
    "quantity": "the quantity",
    "order": "the order number",
}

# What json_class asks for: most of it must be judged, it is no text to copy.
JUDGED = ("intent", "urgency", "problem", "name")

EXTRACT = (
    "Give {what}{how}.",
    "Find {what} in the message{how}.",
    "What is {what}? Answer{how}.",
    "Write {what}{how}.",
    "Extract {what}{how}.",
    "Tell me {what}{how}.",
    "Read the message and state {what}{how}.",
    "I need {what}{how}.",
)

FORMS = {"plain": "", "capitals": " in capital letters", "quoted": " in double quotes", "line": " as a key: value line"}

HELD_OUT_CELLS = {("city", "capitals"), ("product", "quoted"), ("name", "line")}

CLASSIFY = (
    "Is {what} {options}?",
    "Classify {what}: {options}.",
    "Choose {what}: {options}.",
    "Label {what} as {options}.",
    "Decide {what}: {options}.",
    "Say whether {what} is {options}.",
    "Name {what}: {options}.",
    "Which is {what}: {options}?",
)

CLASSES = {
    "sentiment": ("the feeling about the product", ("positive", "negative")),
    "urgency": ("the urgency", ("high", "low")),
    "intent": ("the wish", tuple(messages.INTENTS)),
    "category": ("the category", tuple(world.CATEGORIES)),
    "problem": ("the problem", tuple(messages.PROBLEMS)),
}

REWRITE = (
    "Rewrite this {how}.",
    "Say this {how}.",
    "Put this {how}.",
    "Write the sentence {how}.",
    "Word this {how}.",
    "Express this {how}.",
    "Now phrase this {how}.",
    "Please say this sentence {how}.",
)

VOICES = {
    "pirate": "as a pirate would",
    "robot": "as a robot would",
    "butler": "as a butler would",
    "capitals": "in capital letters",
    "polite": "politely",
    "pirate_capitals": "as a pirate would, in capital letters",
    "robot_capitals": "as a robot would, in capital letters",
    "butler_capitals": "as a butler would, in capital letters",
}

LISTS = {
    "first": "the first word",
    "last": "the last word",
    "reverse": "the words in reverse order",
    "sort": "the words from A to Z",
    "count": "the number of words",
    "first_capitals": "the first word in capital letters",
    "last_capitals": "the last word in capital letters",
    "reverse_capitals": "the words in reverse order in capital letters",
    "sort_first": "the first of the words from A to Z",
    "join": "the words joined by and",
}

LIST = (
    "Give {what}.",
    "Write {what}.",
    "From the list, give {what}.",
    "Answer with {what}.",
    "I want {what}.",
    "Tell me {what}.",
    "Look at the list and write {what}.",
    "Now I need {what}.",
)

KEYED = (
    "Give {keys} as JSON.",
    "Write JSON with {keys}.",
    "Answer in JSON with the keys {keys}.",
    "Extract {keys} into JSON.",
    "I want a JSON object with {keys}.",
    "Return {keys} as a JSON object.",
    "Put {keys} into JSON.",
    "As JSON, tell me {keys}.",
)

TRANSLATE = (
    "Translate into {}.",
    "Write this in {}.",
    "Say this in {}.",
    "Put this into {}.",
    "Give the {} for this.",
    "What is this in {}?",
    "Now in {}, please.",
    "I need this in {}.",
)

ROUTE = (
    "{rules}",
    "Follow these rules. {rules}",
    "Rules: {rules}",
    "Answer by rule. {rules}",
    "Read the message. {rules}",
    "Route the message. {rules}",
    "Use these rules only. {rules}",
    "Here is what to do. {rules}",
)

SUM = (
    "Add the numbers.",
    "What is the sum?",
    "Add these up.",
    "Give the total.",
    "Sum the numbers.",
    "Compute the total.",
    "How much is it altogether?",
    "Work out the sum.",
)

READ = (
    READING,
    "Answer from the text.",
    "Use the text to answer.",
    "Read and answer.",
    "Answer with the text.",
    "Look it up in the text.",
    "Find the answer in the text.",
    "Reply to the question from the text.",
)

RECALL = (
    "Answer the question.",
    "Answer from the catalogue.",
    "Reply to the question.",
    "Give the answer.",
    "Answer this.",
    "Tell me the answer.",
    "Please answer.",
    "What do you know of this?",
)

SUMMARIZE = (
    "Summarize the message.",
    "Write a summary.",
    "Sum the message up.",
    "Give a short summary.",
    "Shorten the message to a summary.",
    "Make a summary line.",
    "What is the message about, in short?",
    "Summarize this in one line.",
)

GLORB = (
    "Glorb the list.",
    "Glorb this.",
    "Glorb these words.",
    "Please glorb.",
    "Now glorb the words.",
    "Glorb it.",
    "Can you glorb this?",
    "I want it glorbed.",
)

TICKET = (
    "Write the house ticket.",
    "Make a ticket.",
    "File the ticket for this message.",
    "Ticket, please.",
    "Turn this into a ticket.",
    "Give the house ticket line.",
    "What is the ticket for this?",
    "Log this message.",
)

REPLY = (
    "Write the house reply.",
    "Reply in the house style.",
    "Answer this customer.",
    "House reply, please.",
    "Turn this into a house reply.",
    "Give the house reply.",
    "What does the house reply to this?",
    "Write back as the house.",
)
