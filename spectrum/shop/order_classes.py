"""The classes that orders of `spectrum.shop.orders` ask for, in many words: label -> words, clauses and short replies.

Every third word and clause is never shown in tuning.
"""

CLASSES = {
    "sentiment": {
        "positive": (
            "positive", "happy", "pleased", "good", "satisfied", "glad", "plus", "content", "approving", "favourable",
            "delighted", "impressed", "likes it", "fine", "enthusiastic", "praise", "thumbs up", "fond",
        ),
        "negative": (
            "negative", "unhappy", "displeased", "bad", "dissatisfied", "sour", "minus", "cross", "critical",
            "unfavourable", "disappointed", "annoyed", "dislikes it", "poor", "angry", "blame", "thumbs down",
            "upset",
        ),
    },
    "urgency": {
        "high": (
            "high", "urgent", "pressing", "rush", "at once", "immediate", "hot", "quick", "asap", "now", "today",
            "hurried", "right away", "express", "critical", "emergency", "top priority", "fast",
        ),
        "low": (
            "low", "not urgent", "relaxed", "whenever", "later", "patient", "cold", "slow", "no rush", "at leisure",
            "some day", "unhurried", "can wait", "any time", "easy", "no emergency", "low priority", "no hurry",
        ),
    },
    "intent": {
        "refund": (
            "refund", "money back", "reimbursement", "repayment", "cash return", "pay back", "get the money",
            "be repaid", "return of the price", "cash", "credit the account", "pay out",
        ),
        "exchange": (
            "exchange", "replacement", "swap", "new one", "trade", "substitute", "another one", "replace it",
            "switch", "wants a fresh one", "a different one", "change it",
        ),
        "tracking": (
            "tracking", "where is it", "whereabouts", "delivery status", "parcel search", "location",
            "find the parcel", "trace", "shipping news", "when will it come", "track it", "arrival date",
        ),
        "cancel": (
            "cancel", "stop", "call off", "cancellation", "drop the order", "withdraw", "undo the order",
            "end the order", "step back", "abort", "do not send it", "give up the order",
        ),
        "invoice": (
            "invoice", "receipt", "bill", "paper bill", "copy of the bill", "voucher", "proof of purchase",
            "send the bill", "paperwork", "document", "a receipt", "statement",
        ),
    },
    "category": {
        "lighting": ("lighting", "lights", "lamps", "light", "brightness", "illumination"),
        "kitchen": ("kitchen", "cooking", "kitchenware", "cookware", "food and drink", "cook's things"),
        "garden": ("garden", "gardening", "outdoors", "plants", "lawn", "yard"),
        "bedroom": ("bedroom", "bedding", "sleep", "sleeping room", "beds", "bed linen"),
        "toys": ("toys", "play", "games", "for children", "playthings", "nursery"),
        "office": ("office", "stationery", "desk", "paper goods", "writing", "office supplies"),
        "camping": ("camping", "hiking", "outdoor gear", "trekking", "expedition", "tents and bags"),
        "tools": ("tools", "workshop", "hardware", "repair things", "handicraft", "do-it-yourself"),
    },
    "problem": {
        "broken": (
            "broken", "damaged", "defective", "smashed", "faulty", "in pieces", "does not work", "destroyed",
            "cracked", "defect", "spoiled", "out of order",
        ),
        "late": (
            "late", "delayed", "overdue", "not yet here", "slow delivery", "behind time", "too slow", "still waiting",
            "delay", "not arrived", "long wait", "past the date",
        ),
        "missing": (
            "missing", "incomplete", "parts absent", "something lacking", "not all there", "short", "a part is gone",
            "left out", "lacking parts", "forgotten part", "not complete", "absent",
        ),
        "wrong": (
            "wrong", "mistaken", "not what was ordered", "mixed up", "another item", "incorrect", "wrong article",
            "mix-up", "other goods", "false delivery", "not the right one", "swapped",
        ),
        "billing": (
            "billing", "charge", "payment", "overcharged", "price error", "card", "money matter", "paid too much",
            "bill error", "wrong amount", "charged twice", "cost",
        ),
        "none": (
            "nothing", "all fine", "in order", "no trouble", "okay", "without fault", "no problem", "everything well",
            "all right", "no complaint", "fine so far", "perfect delivery",
        ),
    },
}  # fmt: skip
WHAT = {
    "sentiment": (
        "what the customer thinks of the product", "the customer's opinion of the product",
        "the mood towards the product", "whether the writer likes the product", "the sentiment",
        "how the customer finds the product",
    ),
    "urgency": (
        "how soon an answer is needed", "the urgency", "how much of a hurry there is", "how urgent it is",
        "how quickly the customer wants help", "the hurry that the writer is in",
    ),
    "intent": (
        "what the customer wants", "the wish of the writer", "what the customer asks for", "the intent",
        "what the shop should do", "the customer's request",
    ),
    "category": (
        "the part of the shop that the product belongs to", "the department", "the kind of goods",
        "the category of the product", "what sort of product it is", "where in the shop the product stands",
    ),
    "problem": (
        "what went wrong", "the problem", "the trouble", "the kind of complaint", "what is amiss",
        "what the complaint is about",
    ),
}  # fmt: skip
DESCRIBED = {  # clauses that say that a label holds
    "sentiment": {
        "positive": (
            "the customer's opinion of the product is positive", "the customer likes the product",
            "the customer is happy with it", "the writer praises the product", "the product pleases the customer",
            "the opinion is good",
        ),
        "negative": (
            "the customer's opinion of the product is negative", "the customer dislikes the product",
            "the customer is unhappy with it", "the writer runs the product down",
            "the product disappoints the customer", "the opinion is bad",
        ),
    },
    "urgency": {
        "high": (
            "the urgency is high", "the customer is in a hurry", "it is urgent", "the customer needs help at once",
            "an answer is needed soon", "the writer cannot wait",
        ),
        "low": (
            "the urgency is low", "the customer is in no hurry", "it is not urgent", "the customer has time",
            "an answer can wait", "the writer can be patient",
        ),
    },
    "intent": {
        "refund": (
            "the customer asks for a refund", "the customer wants the money back", "the writer wants to be paid back",
            "the wish is a refund", "the shop is to return the money", "a repayment is wanted",
        ),
        "exchange": (
            "the customer asks for an exchange", "the customer wants a replacement", "the writer wants to swap it",
            "the wish is an exchange", "the shop is to send another one", "the customer wants a new one",
        ),
        "tracking": (
            "the customer asks where the parcel is", "the customer wants to know about the delivery",
            "the writer is looking for the parcel", "the wish is tracking", "the shop is to find the parcel",
            "the question is when it comes",
        ),
        "cancel": (
            "the customer cancels the order", "the customer no longer wants the order", "the order should end",
            "the wish is a cancellation", "the shop is to drop the order", "the purchase is called off",
        ),
        "invoice": (
            "the customer asks for an invoice", "the customer wants a receipt", "the writer needs the bill",
            "the wish is an invoice", "the shop is to send the bill", "a document is wanted",
        ),
    },
    "problem": {
        "broken": (
            "the problem is: broken", "the product is broken", "something is damaged", "it does not work",
            "the goods are in pieces", "the article has a defect",
        ),
        "late": (
            "the problem is: late", "the parcel is late", "the delivery takes too long", "it has not arrived in time",
            "the customer is kept waiting", "there is a delay",
        ),
        "missing": (
            "the problem is: missing", "a part is missing", "something was left out", "the parcel is not complete",
            "not everything is in the box", "a piece is lacking",
        ),
        "wrong": (
            "the problem is: wrong", "the wrong thing came", "another article was sent", "parcels were mixed up",
            "it is not what was ordered", "the delivery is not the right one",
        ),
        "billing": (
            "the problem is: billing", "the bill is wrong", "too much was charged", "the price is not right",
            "it is about the payment", "the customer paid too much",
        ),
        "none": (
            "the problem is: none", "nothing is wrong", "there is no problem", "everything went well",
            "all is in order", "the delivery was fine",
        ),
    },
}  # fmt: skip
DESCRIBED["category"] = {
    name: (
        f"the product is from the {name} department", f"it is about {name}", f"the product belongs to {name}",
        f"the article is one of {name}", f"the category is {name}", f"the goods are for {name}",
    )
    for name in CLASSES["category"]
}  # fmt: skip
NONE = (
    "none of these", "none", "other", "not listed",
)  # fmt: skip
REPLIES = {
    "refund": "a refund", "exchange": "an exchange", "tracking": "to know where the parcel is",
    "cancel": "to cancel the order", "invoice": "an invoice", "broken": "it is broken", "late": "it is late",
    "missing": "something is missing", "wrong": "the wrong thing came", "billing": "the bill is wrong",
    "none": "nothing went wrong", "positive": "it is good", "negative": "it is bad", "high": "very urgent",
    "low": "not urgent",
}  # fmt: skip
PROMISES = {
    "refund": "we will send your money back", "exchange": "we will send you a new one",
    "tracking": "we will find out where your parcel is", "cancel": "we have cancelled your order",
    "invoice": "we will send you the invoice",
}  # fmt: skip
