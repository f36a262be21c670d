"""The letters that orders are about: the shop's messages, half of them with wider names, goods and sentences.

A model that is to read what people type must have met more than one shop's forty names and four ways of being late.
Every third name, article and sentence is never shown in tuning.
"""

from dataclasses import dataclass

from spectrum.shop import messages, world

NAMES = (
    "Aisha Bruno Celia Dmitri Esther Farid Gwen Hanna Igor Jamal Keiko Lars Mei Nadia Oscar Priya Quinn Rafael Selma "
    "Thomas Ursula Vera Walter Xenia Yara Zelda Amir Beatriz Casper Daphne Edgar Fatima George Helga Ivan Julia Kofi "
    "Lucia Marcus Nina Otto Paula Robert Stella Tariq Uma Viktor Wendy Yannick Agnes"
).split()
CITIES = (
    "Amsterdam Bristol Chicago Dakar Edinburgh Florence Glasgow Hamburg Istanbul Jakarta Kampala Leipzig Montreal "
    "Nairobi Osaka Porto Quebec Rotterdam Seattle Toronto Utrecht Valencia Warsaw York Zurich Antwerp Bergen Cordoba "
    "Dallas Essen Fargo Granada Houston Izmir Jaipur Krakow Lyon Manila Naples Oxford Perth Reno Salzburg Tampa Verona"
).split()
GOODS = {
    "lighting": "desk lamp, ceiling light, bedside lamp, garden lantern, reading light, floor lamp, string light",
    "kitchen": "frying pan, coffee grinder, bread knife, soup pot, egg timer, chopping board, pepper mill, milk jug",
    "garden": "watering can, flower pot, lawn mower, hedge trimmer, plant stand, garden glove, bird feeder",
    "bedroom": "duvet cover, bed sheet, wool blanket, alarm clock, night stand, feather pillow, bed frame",
    "toys": "board game, toy train, teddy bear, building block, jigsaw puzzle, doll house, toy car, card game",
    "office": "desk chair, ring binder, paper tray, fountain pen, label printer, pencil case, wall calendar",
    "camping": "sleeping bag, camp stove, water bottle, hiking boot, head torch, folding chair, trekking pole",
    "tools": "tape measure, power drill, socket set, claw hammer, spirit level, hand saw, tool box, work bench",
}
WIDER = {
    "broken": (
        "It fell apart on the first day.", "The screen was shattered when I opened the box.",
        "It does not switch on at all.", "The lid is cracked.", "One leg has snapped off.", "It leaks.",
        "The zip tore the first time I used it.", "There is a big dent in it.", "It stopped working after an hour.",
        "The glass is in a thousand pieces.", "A spring came out.", "It hums and then nothing happens.",
    ),
    "late": (
        "Two weeks have gone by and nothing has come.", "It was promised for last Friday.",
        "Still no sign of the parcel.", "You said three days, and it has been nine.",
        "I am still waiting for the van.", "The date you gave me has long passed.",
        "Delivery takes far longer than you said.", "My birthday present came after my birthday.",
        "The package has been on its way forever.", "It is already the second week of waiting.",
        "The courier was five days behind.", "Nothing has arrived so far.",
    ),
    "missing": (
        "The cable is not in the package.", "Half of the pieces are not there.", "There was no battery inside.",
        "One of the two is not in the parcel.", "The instructions were left out.",
        "I cannot find the charger anywhere.", "You forgot to pack the cover.", "The bag with the bolts is absent.",
        "I count five pieces where six should be.", "The spare bulb was not included.", "The box was half empty.",
        "The key for it did not come along.",
    ),
    "wrong": (
        "I got a different model.", "It is the wrong size.", "Somebody mixed up the parcels.",
        "I asked for blue and got green.", "What came is something else entirely.", "You shipped another article.",
        "That is not the one in the picture.", "The parcel holds goods that I never ordered.",
        "You delivered a smaller one than I picked.", "This belongs to another customer.",
        "I picked the large one and a small one came.", "The item in the box is not mine.",
    ),
    "billing": (
        "You took the money two times.", "The invoice shows a price that is far too high.",
        "My coupon did not count.", "I paid more than the website said.", "There is a fee that nobody told me about.",
        "The sum on my statement is wrong.", "You debited my account again.", "The voucher was ignored at the till.",
        "I see two payments on my card.", "Shipping was free and yet I paid for it.", "The tax was added twice.",
        "The total does not match the price tag.",
    ),
    "none": (
        "All went well.", "The package got here on the agreed day.", "Nothing to complain about.",
        "Delivery was smooth.", "It came in one piece and on the day.", "The box was complete.",
        "I have no complaints.", "Everything is as it should be.", "It all works.", "No problems so far.",
        "The parcel was just as described.", "It reached me safely.",
    ),
    "refund": (
        "I expect to be reimbursed.", "Give me back what I paid.", "Kindly transfer the amount back to me.",
        "I want a full refund.", "When will I get my cash back?", "Return the payment, please.",
        "I am asking you to repay me.", "Please credit my account with the price.", "I would rather have the money.",
        "How do I get a refund?", "Send the sum back to my bank.", "I insist on being paid back.",
    ),
    "exchange": (
        "I would like another one instead.", "Please swap it.", "Send me a working one.", "Could you replace it?",
        "I need a new one in its place.", "Please exchange it for the right one.",
        "Can it be traded for another size?", "I want one that is whole.", "Replace it, please.",
        "Take it back and give me a better one.", "Could I switch it for a different one?",
        "I am after a substitute.",
    ),
    "tracking": (
        "Has it been shipped yet?", "Do you know where my package has got to?", "When will it reach me?",
        "Is there a tracking number?", "What is the status of my shipment?", "Tell me when it will be delivered.",
        "Where has it got stuck?", "I would like to follow the parcel.", "Has it left your warehouse?",
        "When can I expect it?", "Please find out where it is.", "Which depot is it lying in?",
    ),
    "cancel": (
        "I no longer need it, so please call it off.", "Take my order out of the system.", "Please do not ship it.",
        "I would like to withdraw from the purchase.", "Please cancel everything.",
        "I have found it elsewhere, so drop the order.", "Do not send it after all.",
        "I want to back out of this purchase.", "Scrap the order, please.", "Kindly annul my purchase.",
        "You can forget about my purchase.", "Undo the order.",
    ),
    "invoice": (
        "I need a bill for the tax office.", "Could you mail me the receipt?",
        "Please make out an invoice to my firm.", "Where can I download the bill?",
        "My accountant wants the receipt.", "There was no invoice in the parcel.",
        "A proof of purchase would be useful.", "Send the bill again, please.", "I have lost the receipt.",
        "I must hand in an invoice at work.", "Please email the paperwork for the payment.",
        "Can you issue a receipt?",
    ),
    "high": (
        "I need this solved within the hour.", "Reply as soon as you can.", "It has to happen today.",
        "The wedding is tomorrow.", "Every minute counts.", "Please treat this as an emergency.",
        "Deal with this right away.", "I must know by tonight.", "We open the doors in two hours.",
        "As fast as possible, please.", "I cannot wait any longer.", "Drop everything else for this.",
    ),
    "low": (
        "Whenever it suits you.", "No rush at all.", "I am in no hurry.", "Some time next month will do.",
        "Answer when you get round to it.", "It can wait until after the holidays.", "There is plenty of time.",
        "Do it when you have a quiet moment.", "Nothing presses.", "Next week is soon enough.",
        "Be as slow as you like.", "I can be patient.",
    ),
}  # fmt: skip
WIDER_FEELINGS = {
    "positive": (
        "I love it.", "We are very happy with our choice.", "Best thing I have bought in years.",
        "It works like a charm.", "My children adore it.", "I would buy it again at once.", "Five stars from me.",
        "It is even nicer than in the picture.", "I could not be happier with it.", "It is worth every penny.",
        "What a beauty.", "I recommend it to everyone.",
    ),
    "negative": (
        "I hate it.", "We are very disappointed.", "Worst purchase of the year.", "It is a waste of money.",
        "It feels cheap.", "I would never buy it again.", "One star from me.",
        "It is far uglier than in the picture.", "I regret buying it.", "It is not worth the price.",
        "What a piece of junk.", "I warn everyone against it.",
    ),
}  # fmt: skip
SHOWN = ("name", "city", "product", "order", "problem", "sentiment", "urgency", "intent")


@dataclass(frozen=True)
class Letter:
    """A message with its truth, and the fields that can be read from it."""

    text: str
    record: messages.Record
    shown: tuple

    def value(self, name):
        """The true value of a field as text."""
        return messages.value(self.record, name)


def share(split, items):
    """Returns those of some phrases that a split may show: every third is asked only, never shown in tuning."""
    items = list(items)
    return [item for item in items if (item in items[2::3]) == (split != "train")] or items


def letter(rng, split, shown):
    """Returns a Letter of a split that shows at least the given fields, in the shop's own words or in wider ones."""
    while True:
        wide = rng.random() < 0.6
        text, record = messages.message(rng, split, shown, **(wider_facts(rng, split) if wide else {}))
        text = reworded(rng, split, text, record, set(shown)) if wide else text
        if world.split_of(text) == split:
            known = set(shown) | ({"quantity", "category"} if "product" in shown else set())
            return Letter(text, record, tuple(sorted(known)))


def wider_facts(rng, split):
    """Returns values for fields of a record that the shop's own lists do not have."""
    facts = {"name": rng.choice(share(split, NAMES)), "city": rng.choice(share(split, CITIES))}
    if rng.random() < 0.5:
        category = rng.choice(list(GOODS))
        product = rng.choice(share(split, GOODS[category].split(", ")))
        facts |= {"product": product, "noun": product.split()[-1], "category": category}
    return facts


def reworded(rng, split, text, record, shown):
    """Returns a message with its sentences of problem, wish, hurry and feeling exchanged for wider ones, most times."""
    for name, sentences in (
        ("problem", messages.PROBLEMS),
        ("intent", messages.INTENTS),
        ("urgency", messages.URGENCY),
    ):
        for sentence in sentences[getattr(record, name)]:
            if sentence in text and rng.random() < 0.75:
                text = text.replace(sentence, rng.choice(share(split, WIDER[getattr(record, name)])))
    if "sentiment" in shown and rng.random() < 0.4:
        text = f"{text} {rng.choice(share(split, WIDER_FEELINGS[record.sentiment]))}"
    return text
