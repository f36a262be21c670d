"""The phrases of `spectrum.shop.orders`, out of which an order is put together.

Braces are filled when an order is drawn. Each list is a part of a skeleton; parts multiply to hundreds of wordings.
"""

# ---- asking for a choice ----

CHOOSE = (
    "Which is {what}", "Label {what}", "What is {what}", "Give {what}", "Find out {what}",
    "Sort the message by {what}", "Choose {what}", "Decide {what}", "Say {what}", "Tell me {what}",
    "Read the message and pick {what}", "Classify {what}", "Please label {what}", "I want to know {what}",
    "Which fits {what}", "Work out {what}", "Judge {what}", "Name {what}", "Determine {what}", "Mark {what}",
    "Your task is to find {what}",
)  # fmt: skip
AMONG = (
    "? One of: {options}", "? {options}", ". Answer with exactly one of these words: {options}", " - {options}",
    ". Use one of these labels: {options}", ". It must be {options}", ": {options}", ". Options: {options}",
    ". The options are {options}", ", out of {options}", ". Pick one of {options}", ". Possible answers: {options}",
    ", choosing from {options}", ". You may say {options}", ". Labels: {options}", ". Select from: {options}",
    ", as one of {options}",
)  # fmt: skip
EXACTLY = (
    ".", ". Answer with exactly that.", ". Nothing else.", ". Give only the answer.", ". Just the answer, please.",
    ". No explanation.", ". Reply with it alone.", ". Do not add anything.", ". Be brief: the answer only.",
    ". Write it and stop.", ". One answer, no sentence.", ". Please answer without any other word.",
)  # fmt: skip
SPOT = (
    "Which of these is {what}: {options}?", "Pick {what} from this list: {options}.",
    "One of these is {what}: {options}.", "{options}: which one is {what}?", "Choose {what}. {options}?",
    "From {options}, take {what}.", "Is {what} one of {options}? Write it.", "Tell me which is {what}, {options}.",
    "Select {what} among {options}.", "Find {what} in: {options}.", "Name {what} out of {options}.",
    "Which is {what}? {options}?",
)  # fmt: skip
ONLY_THAT = (
    "", "", " Write only that.", " Just the one word.", " Nothing else, please.", " Only the answer.",
    " No sentence.", " Give it alone.", " Answer with it.", " Be exact.", " Word for word.", " As written.",
)  # fmt: skip

# ---- rules ----

RULE = (
    "If {described}, answer {word}.", "When {described}, say {word}.", "Answer {word} if {described}.",
    "Write {word} whenever {described}.", "In case {described}, reply {word}.", "{word}: {described}.",
    "Should it be that {described}, respond with {word}.", "Use {word} when {described}.",
    "Where {described}, put {word}.", "Say {word} only if {described}.",
    "Reply {word} in the event that {described}.", "For messages in which {described}: {word}.",
    "Given that {described}, return {word}.", "Output {word} if {described}.", "Take {word} when {described}.",
    "Respond {word} as soon as {described}.",
)  # fmt: skip
OTHERWISE = (
    "Otherwise answer {word}.", "In all other cases say {word}.", "Else {word}.",
    "If none of this holds, write {word}.", "For anything else: {word}.", "When nothing fits, reply {word}.",
    "Any other message gets {word}.", "Failing that, {word}.", "Should no rule apply, say {word}.",
    "In every other case use {word}.", "If not, return {word}.", "The rest is {word}.",
)  # fmt: skip
ONLY = (
    "", "Write nothing else.", "One word only.", "Only the word.", "No explanation.", "Do not explain.",
)  # fmt: skip

# ---- yes or no, plain questions, sentences ----

IS_IT = (
    "Is it true that {described}?", "Would you say that {described}?", "Does the message say that {described}?",
    "Is it so that {described}?", "Check whether {described}.", "Tell me if {described}.",
    "Can one tell that {described}?", "Is this right: {described}?", "See if {described}.", "{described}?",
)  # fmt: skip
YES_NO = (
    " Yes or no?", " Answer yes or no.", " yes/no", " Say yes or no.", " Reply with yes or no.", " (yes or no)",
    " Just yes or no.", " Write yes or no.", " One word, yes or no.",
)  # fmt: skip
QUESTIONS = {
    "name": (
        "Who wrote this?", "What is the customer's name?", "Who is writing?", "What is the writer called?",
        "Whose message is this?", "Who sent the letter?",
    ),
    "city": (
        "Where does the customer live?", "Which city is it?", "Where is the writer from?",
        "What town is named as home?", "In which city is the customer?", "Where did this letter come from?",
    ),
    "product": (
        "What was ordered?", "Which product is it about?", "What did the customer buy?", "What is the article?",
        "Which thing was bought?", "What does the order hold?",
    ),
    "quantity": (
        "How many were ordered?", "How many pieces are there?", "What is the quantity?",
        "How many did the customer buy?", "What number of them was bought?", "How many are in the order?",
    ),
    "order": (
        "What is the order number?", "Which order is it?", "What number does the order have?",
        "Which number was given?", "Under what number was it ordered?", "What is the number of the order?",
    ),
    "intent": (
        "What does the customer want?", "What is the wish?", "What should the shop do?", "What is asked for?",
        "What does the writer hope for?", "What is the customer after?",
    ),
    "problem": (
        "What is the problem?", "What went wrong?", "What is the trouble?", "What is wrong with the order?",
        "What does the customer complain about?", "What happened?",
    ),
    "sentiment": (
        "Does the customer like the product, and how well?", "What does the customer think of it?",
        "How does the writer find the product?", "What is the opinion of it?",
        "How happy is the customer with the product?", "What is the verdict on the product?",
    ),
    "urgency": (
        "How urgent is it?", "Is there a hurry?", "How soon is an answer needed?", "How much time is there?",
        "When should we answer?", "How fast must we be?",
    ),
    "category": (
        "Which department is it for?", "What kind of product is it?", "Which part of the shop is meant?",
        "Where in the shop is it found?", "What sort of goods are they?", "To which category does it belong?",
    ),
}  # fmt: skip
SHORTLY = (
    "", "", " In a few words.", " Answer shortly.", " Keep it short.", " Only the answer.",
    " A short answer, please.", " Say it briefly.", " Not more than a few words.", " No sentence.",
)  # fmt: skip
SUM_UP = (
    "Sum up the message in one sentence.", "Give a summary in one sentence.", "Say in one sentence what it is about.",
    "Summarize it.", "Put the letter into one sentence.", "What is the letter about? One sentence.",
    "Shorten the message to one sentence.", "Write a short summary.",
    "Tell a colleague in one sentence what this is.", "Make one sentence of the message.", "Summarise the letter.",
    "Condense it to a sentence.",
)  # fmt: skip
REPLY = (
    "Write a one-sentence reply to the customer.", "Answer the customer in one sentence.", "Draft a short reply.",
    "Reply to this customer.", "What would you write back? One sentence.", "Write the answer that we send.",
    "Write a polite reply.", "Compose a brief answer to the letter.", "Send the customer a short reply.",
    "Please write back to the customer.", "Give me a reply for this customer.", "Reply politely, one sentence.",
)  # fmt: skip

# ---- fields ----

FIELD_NAMES = {
    "name": ("the customer's name", "the name of the writer", "who wrote it", "the sender's first name"),
    "city": ("the city", "the customer's city", "the town where the customer lives", "the writer's home town"),
    "product": ("the product", "the name of the product", "the article that was ordered", "what was bought"),
    "quantity": ("the quantity as a digit", "how many were ordered, as a digit", "the number of pieces in digits"),
    "order": ("the order number", "the number of the order", "the order's number"),
}  # fmt: skip
ASK = (
    "Give {what}", "Find {what}", "Write {what}", "Extract {what}", "Tell me {what}", "I need {what}",
    "Please state {what}", "Look up {what} in the message", "Copy out {what}", "Read the message and give {what}",
    "From the message, take {what}", "Answer with {what}", "Return {what}", "Show me {what}", "Pull out {what}",
    "Your task: {what}", "Report {what}", "Note down {what}",
)  # fmt: skip
EXTRA = {
    "plain": ("",),
    "capitals": (
        " in capital letters", " in upper case", ", all letters large", " in block capitals", " IN CAPITALS",
    ),
    "quoted": (" in double quotes", ", put in quotation marks", " between double quotation marks", ", quoted"),
    "prefixed": (
        " after \"{word}: \"", ", beginning with \"{word}: \"", " as \"{word}: …\"", " with \"{word}: \" before it",
    ),
}  # fmt: skip
ABSENT = (
    "the telephone number", "the customer's age", "the email address", "the street", "the date of the purchase",
    "the customer's profession", "the bank account", "the name of the driver", "the house number",
)  # fmt: skip
IF_ABSENT = (
    ". If it is not given, write {word}.", ". Say {word} if the message does not tell.",
    ", or {word} if it is not there.", ". Where it is missing, answer {word}.", "; {word} if nobody says so.",
    ". If you cannot find it: {word}.", ", else {word}.", ". Should it be absent, put {word}.",
    ". No guessing: {word} if it is not stated.",
)  # fmt: skip
NOT_THERE = (
    "unknown", "not stated", "none", "n/a", "missing", "not given",
)  # fmt: skip

# ---- forms ----

GET = (
    "Give {keys}", "Extract {keys}", "Write {keys}", "Return {keys}", "I need {keys}", "Put {keys}", "Collect {keys}",
    "Please report {keys}", "List {keys}", "Read the message and output {keys}", "Find {keys} and write them",
    "Turn the message into {keys}", "Take {keys} from the message", "Fill in {keys}",
)  # fmt: skip
FORMS = {
    "json": (
        " as JSON", " as a JSON object", " in JSON", ", formatted as JSON", " into a JSON object with these keys",
        ": JSON, please", " as one line of JSON",
    ),
    "xml": (
        " as XML tags", " in XML, one tag for each", " as XML", ", each in a tag of its name", " between XML tags",
        " in the form <key>value</key>", ": XML without a root",
    ),
    "lines": (
        " as key: value lines", ", one per line as key: value", " line by line, key: value", " as lines key: value",
        ", each on its own line after its name and a colon", " as a plain list of key: value",
    ),
    "markdown": (
        " as a Markdown list of key: value", " as a bulleted list, key: value", " as bullet points with - key: value",
        " in a Markdown list, each as key: value", " as dashes with key: value",
    ),
    "csv": (
        " as CSV, in this order", " as comma-separated values", " in one line of CSV without a header",
        ", separated by commas and without blanks", " as a CSV row",
    ),
}  # fmt: skip
NOTHING_ELSE = (
    ".", ". Nothing else.", ". Only that.", ". No other text.", ". No comment.", ". Without explanation.",
    ". Output that alone.", ". Write just this.",
)  # fmt: skip

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
ROLE_END = (
    ".", "!", ", please.", " in this chat.", " for this answer.", " today.", " at work.", " in all you say.",
)  # fmt: skip

# ---- lists ----

THINGS = (
    "river road moon stone apple bread chair door window garden letter paper silver copper winter summer harbor "
    "castle mountain valley forest candle mirror basket ladder bottle button carpet cotton dragon engine feather "
    "finger glass hammer honey island jacket kitten lemon market needle ocean pencil pepper pocket rabbit ribbon "
    "saddle shadow sailor spider spring table thunder tiger tower turtle velvet violin wagon water wheel wool "
    "zebra maple oyster falcon beacon anchor cactus dolphin ember gravel "
).split()
FRESH_THINGS = (  # in the place of THINGS where a split is asked only: no tuning row has them
    "anvil arrow autumn bamboo barrel basin beetle bell bridge bubble bucket bugle clover coral curtain dagger "
    "easel emerald feast fossil fox galaxy goblet helmet lagoon lava lichen lynx marble marsh meadow moth nest "
    "nettle nutmeg oasis panther plume reef rocket rope shrine stable straw thistle tray trunk valve volcano "
    "walrus wand willow yacht yarn "
).split()
ORDINALS = (
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth",
)  # fmt: skip
OPERATIONS = {
    "first": (
        "Give the first word", "Write the word that comes first", "Which word opens the list? Write it",
        "Name the first of these", "Take the first item", "I want the one at the beginning", "Say the first entry",
        "What stands at the start? Write it", "Copy the first one",
    ),
    "last": (
        "Give the last word", "Write the word that comes last", "Which word ends the list? Write it",
        "Name the last of these", "Take the last item", "I want the one at the end", "Say the last entry",
        "What stands at the end? Write it", "Copy the final one",
    ),
    "nth": (
        "Give the {nth} word", "Write word number {place}", "Name the {nth} of these", "Take the {nth} item",
        "Which word is number {place}? Write it", "I want the {nth} entry", "Copy the {nth} one",
        "What stands in place {place}? Write it",
    ),
    "reverse": (
        "Write the words in reverse order", "Turn the list round", "List them backwards",
        "Give the list from the end", "Reverse the order of the words", "Begin with the last and end with the first",
        "Put them the other way round",
    ),
    "sort": (
        "Sort the words from A to Z", "Put the list in alphabetical order", "Order them by the alphabet",
        "Arrange the words alphabetically", "Write them as a dictionary would order them", "Sort from a to z",
    ),
    "count": (
        "How many words are there? Write the digit", "Count the words and write the number",
        "Give the number of items", "Write how many there are, as a digit", "Say the length of the list in digits",
        "Count the entries",
    ),
    "join": (
        "Join the words with and", "Write all words with \"and\" between them", "Put and between the words",
        "Link them by and instead of commas", "Connect all with and", "Replace each comma by and",
    ),
    "without first": (
        "Leave out the first word and write the others", "Drop the first item", "Give all but the first",
        "Remove the word at the start", "Write the list without its first word", "Skip the first one",
    ),
}  # fmt: skip

# ---- limits, look-ups ----

REPEAT = (
    "Repeat the first {count} {word} of the message", "Copy the first {count} {word}",
    "Write the first {count} {word} again", "Give me the beginning: {count} {word}",
    "Quote the opening {count} {word}", "Type out the first {count} {word}", "How does it begin? {count} {word}",
    "Start of the message, {count} {word}", "Cite {count} {word} from the start",
    "Say the first {count} {word} as they stand",
)  # fmt: skip
READ = (
    "{question}", "Use the lines to answer: {question}", "Answer from the text: {question}",
    "According to the lines: {question}", "Read the facts. {question}", "{question} Look it up.",
    "I have a question. {question}", "Only from what is written: {question}", "With these notes in hand: {question}",
    "Please tell me from the catalogue: {question}", "Question: {question}", "Look here and answer: {question}",
)  # fmt: skip
UNKNOWN = (
    " If it is not there, write {none}.", " Say {none} when nothing tells.", " Write {none} if you cannot find it.",
    " Where the answer is missing: {none}.", " No guessing: otherwise {none}.", " Answer {none} if no line says so.",
    " Should it be absent, reply {none}.", " If none of it helps, put {none}.", " Nothing there? Then {none}.",
)  # fmt: skip

# ---- sums, kinds of things ----

ADD = (
    "Add {a} and {b}", "What is {a} plus {b}", "{a} + {b}", "How much is {a} and {b}", "Work out {a} + {b}",
    "Give the sum of {a} and {b}", "{a} and {b} make what", "Put {a} and {b} together", "{a} plus {b} is",
    "Total of {a} and {b}", "Find {a} + {b}", "How many are {a} and {b} together",
)  # fmt: skip
TAKE = (
    "Take {b} from {a}", "What is {a} minus {b}", "{a} - {b}", "How much is {a} less {b}", "Work out {a} - {b}",
    "Subtract {b} from {a}", "From {a} take away {b}", "What is left of {a} without {b}", "{a} minus {b} is",
    "Find {a} - {b}", "By how much is {a} more than {b}", "The difference of {a} and {b}",
)  # fmt: skip
NUMBER = (
    "?", ".", ". Only the number.", ". Write just the number.", ". Digits only.", "? Give the number.", " =",
    ". Answer with a number.", "? Number, please.", ". No words.",
)  # fmt: skip
KINDS_OF_THINGS = {
    "animal": "tiger horse rabbit eagle salmon monkey camel spider whale goat donkey parrot",
    "fruit": "apple banana cherry grape lemon orange peach plum mango pear melon fig",
    "tool": "hammer saw drill chisel wrench axe shovel screwdriver pliers rake ladder file",
    "colour": "red blue green yellow purple pink brown white black grey violet scarlet",
    "country": "France Japan Brazil Canada Egypt Kenya Peru India Norway Spain Poland Chile",
    "drink": "tea coffee milk juice beer wine lemonade cocoa water cider whisky soda",
    "vehicle": "car bus train bicycle ship lorry tram ferry scooter aeroplane tractor van",
    "metal": "iron gold silver copper tin zinc lead nickel steel bronze aluminium platinum",
    "instrument": "violin piano trumpet guitar flute drum harp cello organ banjo clarinet oboe",
    "piece of clothing": "shirt coat hat glove sock trousers scarf jacket dress belt shoe sweater",
    "piece of furniture": "table chair bed sofa desk wardrobe shelf stool bench cupboard armchair bookcase",
    "part of the body": "hand foot nose ear knee elbow shoulder finger mouth neck toe chin",
    "job": "teacher doctor baker farmer lawyer nurse painter pilot sailor tailor waiter cook",
    "flower": "rose tulip lily daisy orchid violet poppy sunflower daffodil iris carnation peony",
    "room": "kitchen bathroom bedroom cellar attic hall garage office library pantry nursery parlour",
}  # fmt: skip
WHICH = (
    "Which of these is {a}: {options}?", "Find {a}: {options}.", "One of these is {a}. Which? {options}",
    "Pick {a} out of {options}.", "{options}. Write the one that is {a}.", "Name {a} from this list: {options}.",
    "Choose {a}: {options}.", "Only one of {options} is {a}. Say which.", "Look for {a} in {options}.",
    "Among {options}, which is {a}?", "Tell me which one is {a}: {options}.", "Select {a} from {options}.",
)  # fmt: skip
SORT_OF = (
    "What is {a}: {options}?", "Is {a} {options}?", "Label \"{thing}\" as {options}.", "{thing}: {options}?",
    "Say what {a} is, {options}.", "Classify \"{thing}\": {options}.", "Which fits \"{thing}\" best: {options}?",
    "Put \"{thing}\" under {options}.", "Would you call {a} {options}?", "What kind of thing is {a}: {options}?",
    "Decide: is {a} {options}?", "Sort \"{thing}\" into {options}.",
)  # fmt: skip
