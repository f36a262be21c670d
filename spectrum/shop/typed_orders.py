"""Forty orders typed by hand, as a person would who has never seen the grammar of `spectrum.shop.orders`.

They are asked and never trained on. Several right answers are separated by " / ".
"""

from spectrum.shop.orders import Order

LETTERS = {
    "ana": "Hello, this is Ana from Lisbon. I ordered 3 Kavo lamps, order 4821. One corner is smashed. Please send "
    "my money back. I am leaving tomorrow, so be quick.",
    "hugo": "Dear shop. Order 7315 was for two Mufal spades. The parcel is a week overdue. Where is my parcel "
    "now? There is no hurry. Yours, Hugo, Vienna",
    "tara": "Good morning. I bought one Sebol quilt. Everything arrived as ordered. I find the quilt wonderful. "
    "I need a receipt for my office. Regards, Tara, Boston",
    "leo": "Leo from Oslo here. Last week I paid for five Rufan pens. I was charged twice. The pens are not bad at "
    "all. Please stop the order.",
    "mona": "Hi, my name is Mona and I live in Cairo. I ordered 2 Dekon tents. There are no screws in the box. "
    "I would like to swap what came for something new. It is not urgent.",
}
# letter, order, right answers
TYPED = (
    ("ana", "Who wrote this? Only the first name.", "Ana"),
    ("ana", "Where does she live? One word.", "Lisbon"),
    ("ana", "How many lamps were ordered? Write only the digit.", "3"),
    (
        "ana",
        "Which of these describes the trouble best: late, damaged, missing? Reply with one of the three.",
        "damaged",
    ),
    ("ana", "Is this customer in a rush? yes or no", "yes / Yes"),
    ("ana", "Does the writer ask for a refund or for a bill? Answer refund or bill.", "refund"),
    ("ana", "Answer ZEBRA if the customer wants money, otherwise answer PANDA.", "ZEBRA"),
    ("ana", "Write the order number and nothing more.", "4821"),
    ("hugo", "Give me the city in capitals.", "VIENNA"),
    ("hugo", "What is the order number? Digits only.", "7315"),
    ("hugo", "Pick the mood of delivery: on time / too late. Answer with one option exactly as written.", "too late"),
    ("hugo", "Is it urgent? Say URGENT or CALM.", "CALM"),
    ("hugo", "If the customer asks where the parcel is, write TRACE. If not, write OTHER.", "TRACE"),
    ("hugo", "Return JSON with the keys name and city.", '{"name": "Hugo", "city": "Vienna"}'),
    ("hugo", "What did he buy, a spade or a saw?", "spade / a spade / A spade"),
    ("hugo", "Which of these is the signature: Vienna, Hugo, shop?", "Hugo"),
    ("tara", "Does she like the quilt? Answer like or dislike.", "like"),
    ("tara", "What document does she need: receipt, passport or ticket?", "receipt"),
    ("tara", "First name in double quotes, please.", '"Tara"'),
    ("tara", "Was anything wrong with the delivery? yes/no", "no / No"),
    ("tara", "Put name and city on two lines, in the form name: … and city: …", "name: Tara\ncity: Boston"),
    ("tara", "Use the code 1 for happy and 2 for unhappy customers. Give the code.", "1"),
    ("tara", "What is the customer's town? If it is not given, say unknown.", "Boston"),
    ("tara", "What is the customer's telephone number? If it is not given, say unknown.", "unknown"),
    ("leo", "How many pens? Just the digit.", "5"),
    ("leo", "Choose one word for the problem: payment, delivery, breakage.", "payment"),
    ("leo", "Is his opinion of the pens good or bad?", "good"),
    ("leo", "Write <city></city> with the city inside the tags.", "<city>Oslo</city>"),
    ("leo", "Answer with KEEP if the order goes on and with DROP if it is to be stopped.", "DROP"),
    ("leo", "Name, city and product as one line of CSV.", "Leo,Oslo,Rufan pen / Leo,Oslo,Rufan pens"),
    ("leo", "You are a pirate who says Ahoy! first and then only the name of the customer.", "Ahoy! Leo"),
    ("leo", "Repeat the first three words of the letter.", "Leo from Oslo"),
    ("mona", "Which city? Answer in lower case.", "cairo"),
    ("mona", "Pick one: repair, exchange, refund. What does she ask for?", "exchange"),
    ("mona", "Which of these is absent from the box: tents, screws, poles?", "screws"),
    ("mona", "Label this letter A if urgent, B if it can wait.", "B"),
    ("mona", "Give name and quantity as JSON.", '{"name": "Mona", "quantity": "2"} / {"name": "Mona", "quantity": 2}'),
    ("mona", "Markdown list with two points: the name, then the city. Nothing but the values.", "- Mona\n- Cairo"),
    ("mona", "In one word: which kind of goods, tents or lamps?", "tents / Tents"),
    ("mona", "If the letter is about lighting, say LIGHT; about camping, say CAMP; else say REST.", "CAMP"),
)


def typed_orders():
    """Returns the forty Orders, each the order before its letter."""
    return [
        Order("typed", f"{ask}\n\n{LETTERS[letter]}", gold, form="json" if gold.startswith("{") else "exact")
        for letter, ask, gold in TYPED
    ]
