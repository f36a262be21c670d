"""Chats as token ids and batches of them, as lab 07's checks hand them out, with what must come of them."""

import torch

from spectrum.examples import IGNORE, tokenize_rows
from spectrum.shop.instruction_data import instruction_rows
from spectrum.tokens import encode_answer

FAULTS = ("prompt", "end", "padding", "shifted")
NO = IGNORE


def marks(tokenizer):
    """Returns (the ids that a chat template puts before an answer, the id that it puts after it)."""
    asked = [{"role": "user", "content": "a"}]
    before, opened = (len(tokenizer.apply_chat_template(asked, add_generation_prompt=g)["input_ids"]) for g in (0, 1))
    whole = tokenizer.apply_chat_template([*asked, {"role": "assistant", "content": "b"}])["input_ids"]
    return whole[before:opened], whole[opened + len(encode_answer(tokenizer, "b"))]


MASKS = (  # ids, opening, end, labels, what is asked, hint
    ([0, 3, 7, 5, 4, 8, 9, 5], [4], 5, [NO] * 5 + [8, 9, 5], "one question, one answer",
     "The assistant's tokens and its end mark, at their own places."),
    ([3, 1, 5, 4, 2, 5, 3, 1, 5, 4, 6, 5], [4], 5, [NO] * 4 + [2, 5] + [NO] * 4 + [6, 5], "two answers",
     "Every turn of the assistant has its labels."),
    ([0, 3, 7, 6, 9, 8, 4, 6, 3, 5], [9], 6, [NO] * 5 + [8, 4, 6, NO, NO], "another model: opening 9, end 6",
     "Use the arguments: another model has other ids."),
    ([4, 9, 7, 5, 4, 10, 8, 5], [4, 10], 5, [NO] * 6 + [8, 5], "an opening of two tokens; the user's begins alike",
     "Only the whole opening opens."),
    ([4, 9, 5, 10, 4, 7, 10, 5], [4, 10], 5, [NO] * 8, "both tokens of an opening, apart from each other",
     "Its tokens stand side by side, in order."),
    ([4, 9, 10, 8, 5, 3, 9, 10, 7, 5], [4, 9, 10], 5, [NO] * 3 + [8, 5] + [NO] * 5, "the end of an opening of three",
     "Only the whole opening opens."),
    ([4, 4, 4, 9, 8, 5], [4, 4, 9], 5, [NO] * 4 + [8, 5], "4, 4, 4, 9 and an opening of 4, 4, 9",
     "Where do you look on when a first try has failed?"),
    ([4, 8, 4, 9, 5, 7], [4], 5, [NO, 8, 4, 9, 5, NO], "an answer with the opening's token in it",
     "While the assistant speaks, all is its own until the end mark."),
    ([4, 10, 8, 4, 10, 9, 5], [4, 10], 5, [NO, NO, 8, 4, 10, 9, 5], "an answer with the opening in it",
     "While the assistant speaks, all is its own until the end mark."),
    ([4, 10, 4, 10, 5], [4, 10], 5, [NO, NO, 4, 10, 5], "an answer that is the opening again",
     "While the assistant speaks, all is its own until the end mark."),
    ([3, 7, 5, 4, 5, 3], [4], 5, [NO] * 4 + [5, NO], "an empty answer", "It has an end mark, and that is learned."),
    ([3, 7, 5, 4, 8, 9], [4], 5, [NO] * 4 + [8, 9], "an answer that was cut off", "What is there is learned."),
    ([3, 7, 5, 4], [4], 5, [NO] * 4, "a chat that was cut off after the opening", "Nothing is left to learn."),
    ([3, 7, 5, 4], [4, 10], 5, [NO] * 4, "a chat that was cut off inside the opening", "Nothing is left to learn."),
    ([4, 8, 5, 5, 5], [4], 5, [NO, 8, 5, NO, NO], "padding that is the end mark",
     "The first end mark ends the answer; what follows is nobody's."),
    ([3, 5, 5, 7, 5], [4], 5, [NO] * 5, "no turn of the assistant", "The end marks of others are not learned."),
    ([], [4], 5, [], "no token at all", "No ids, no labels."),
    ([4, *range(100, 200), 5], [4], 5, [NO, *range(100, 200), 5], "an answer of 100 tokens", "However long it is."),
    ([3, 6, 5, 4, 8, 5] * 70, [4], 5, ([NO] * 4 + [8, 5]) * 70, "seventy answers", "However many there are."),
    ([3, 5, *range(20, 90), 9, 5], [*range(20, 90)], 5, [NO] * 72 + [9, 5], "an opening of seventy tokens", "All."),
    ([1_000_003, 1_000_004, 0, 1_000_005, 5], [1_000_004], 1_000_005, [NO, NO, 0, 1_000_005, NO], "large ids, and id 0",
     "An id is a number like others, 0 too."),
)  # fmt: skip


def chats(seed, rows=20):
    """Returns chats as lists of messages: with one answer and several, with a role, in several alphabets."""
    found = [
        turns("Give the city.\nI live in Oslo.", "Oslo"),
        turns("one", "two", "three", "four", "fünf 五", "¿seis?"),
    ]
    found.append([{"role": "system", "content": "You are a robot."}, *turns("1 + 2", "BEEP. 3. END.", "4?", "")])
    return found + [row["messages"] for row in instruction_rows(rows, seed)]


def turns(*contents):
    """Returns messages in which user and assistant take turns."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(contents)]


def batch_of(rows, pad, faults=()):
    """Returns rows of (ids, labels) as a right-padded batch, with padding that is learned where that is a fault."""
    width = max(len(ids) for ids, _ in rows) + 2
    filled = pad if "padding" in faults else pad + 1 if "strange" in faults else NO  # what padding has for labels
    last = pad if "last padding" in faults else filled
    fills = [width - len(ids) for ids, _ in rows]
    found = {
        "input_ids": [ids + [pad] * fill for (ids, _), fill in zip(rows, fills, strict=True)],
        "attention_mask": [[1] * len(ids) + [0] * fill for (ids, _), fill in zip(rows, fills, strict=True)],
        "labels": [labels + [filled] * (fill - 1) + [last] for (_, labels), fill in zip(rows, fills, strict=True)],
    }  # fmt: skip
    batch = {name: torch.tensor(values) for name, values in found.items()}
    if "shifted" in faults:
        batch["labels"] = batch["labels"].roll(-1, dims=1)
    return batch


def make_batch(tokenizer, faults=(), rows=4, seed=0, pad=None):
    """Returns a batch of the course's rows, some with two answers, with faults planted in every row."""
    talks = [row["messages"] for row in instruction_rows(2 * rows, seed) if row["messages"][0]["role"] == "user"]
    talks = [talk + again for talk, again in zip(talks[:rows], [*talks[1:2], *[[]] * rows], strict=False)]
    examples = tokenize_rows(tokenizer, [{"messages": talk} for talk in talks])
    end, planted = marks(tokenizer)[1], []
    for example in examples:
        ids, labels = example["input_ids"], example["labels"]
        labels = [i if label == NO and "prompt" in faults else label for i, label in zip(ids, labels, strict=True)]
        learned = [example["labels"][place] == end for place in range(len(ids))]
        labels = [NO if last and "end" in faults else label for last, label in zip(learned, labels, strict=True)]
        planted.append((ids, labels))
    return batch_of(planted, tokenizer.pad_token_id if pad is None else pad, faults)


ASK, GOOD = [3, 7, 5, 4, 8, 9, 5], [NO] * 4 + [8, 9, 5]
TWO, BOTH = [3, 7, 5, 4, 8, 5, 3, 6, 5, 4, 9, 5], [NO] * 4 + [8, 5] + [NO] * 4 + [9, 5]
FAR = [*range(20, 90)]
LONG = [3, *range(10, 110), 5, 4, *range(10, 110), 5]
LONG_GOOD = [NO] * 103 + LONG[103:]


def changed(labels, **places):
    """Returns labels with others at some places: changed(labels, p3=4) has 4 at place 3."""
    return [places.get(f"p{place}", label) for place, label in enumerate(labels)]


WHOLE = "Is the row judged by its real tokens alone, those whose attention mask is 1?"
BATCHES = (  # rows of (ids, labels), padding, opening, faults in the padding, faults, what is asked, hint
    ([(ASK, GOOD), (TWO, changed(BOTH, p8=5))], 1, [4], (), {"prompt"}, "a question's end mark is learned",
     "That is not the assistant's."),
    ([(ASK, GOOD), (TWO, BOTH)], 1, [4], (), set(), "two rows without a fault", "Report only what is there."),
    ([(ASK, GOOD), (TWO, BOTH)], 5, [4], (), set(), "no fault, and padding that is the end mark", WHOLE),
    ([(ASK, changed(GOOD, p6=NO)), (TWO, BOTH)], 5, [4], (), {"end"}, "an end not learned, padding the same", WHOLE),
    ([(ASK, GOOD), (TWO, BOTH)], 5, [4], ("padding",), {"padding"}, "padding learned that is the end mark", WHOLE),
    ([(ASK, GOOD), (TWO, changed(BOTH, p5=NO))], 1, [4], (), {"end"}, "the first of two answers has no end",
     "Every answer has an end mark."),
    ([(TWO, changed(BOTH, p11=NO)), (ASK, GOOD)], 1, [4], (), {"end"}, "the last of two answers has no end",
     "Every answer has an end mark."),
    ([(ASK, GOOD), (TWO, changed(BOTH, p7=6))], 1, [4], (), {"prompt"}, "the second question is learned",
     "A question after an answer is a question."),
    ([(ASK, changed(GOOD, p3=4))], 1, [4], (), {"prompt"}, "the opening is learned", "Whoever asks writes it."),
    ([(ASK, changed(GOOD, p0=3))], 1, [4], (), {"prompt"}, "the first token is learned", "Look at place 0 too."),
    ([(ASK[:-1], GOOD[:-1]), (TWO, BOTH)], 1, [4], (), set(), "an answer that was cut off",
     "It has no end mark whose label could be missing."),
    ([(ASK[:-1], GOOD[:-1])], 5, [4], (), set(), "an answer that was cut off, padding the same as the end mark", WHOLE),
    ([(ASK[:3], GOOD[:3]), (ASK, GOOD)], 1, [4], (), set(), "a chat that was cut off before its answer",
     "A row may have no answer."),
    ([(ASK, [NO] * 7), (TWO, BOTH)], 1, [4], (), {"end"}, "a row without labels", "Then its end has none either."),
    ([([4, 9, 7, 5, 4, 10, 8, 5], [NO] * 6 + [8, 5])], 5, [4, 10], (), set(), "an opening of two tokens", WHOLE),
    ([([4, 9, 7, 5, 4, 10, 8, 5], [NO] * 4 + [4, NO, 8, 5])], 5, [4, 10], (), {"prompt"}, "half an opening is learned",
     "All of the opening is given."),
    ([([3, 10, 7, 5, 4, 10, 8, 5], [NO] * 6 + [8, 5])], 1, [4, 10], (), set(), "the opening's last token in a question",
     "Only the whole opening opens."),
    ([([10, 4, 7, 5, 4, 10, 8, 5], [NO] * 6 + [8, 5])], 1, [4, 10], (), set(), "the opening turned round", "In order."),
    ([([4, 10, 8, 4, 10, 9, 5], [NO] * 2 + [8, 4, 10, 9, 5])], 1, [4, 10], (), set(), "an opening inside an answer",
     "While the assistant speaks, all is its own until the end mark."),
    ([([3, 5, 4, 10, 5], [NO] * 5)], 1, [4, 10], (), {"end"}, "an empty answer without its end", "It has one, too."),
    ([([3, 5, *FAR, 9, 5], [NO] * 71 + [89, 9, 5])], 1, FAR, (), {"prompt"}, "the end of a long opening is learned",
     "All of the opening is given."),
    ([(ASK, GOOD), (ASK, changed(GOOD, p5=8))], 1, [4], (), {"shifted"}, "one label is another token",
     "It is not the token at its own place: report nothing else."),
    ([(ASK, changed(GOOD, p0=3, p6=NO)), (ASK, GOOD[1:] + [NO])], 1, [4], (), {"shifted"},
     "the last row shifted, the first wrong in two ways", "Then the other tests mean nothing."),
    ([(ASK, GOOD), (ASK, [NO] + GOOD[:-1])], 1, [4], (), {"shifted"}, "the last row a place late", "Look both ways."),
    ([(ASK, changed(GOOD, p0=3, p6=NO))], 1, [4], ("padding",), {"prompt", "end", "padding"}, "three faults at once",
     "Report all that you find."),
    ([(ASK, changed(GOOD, p6=NO)), (TWO, changed(BOTH, p8=5)), (ASK, GOOD)], 1, [4], (), {"prompt", "end"},
     "two faults, each in a row of its own", "Look at every row, and report all that you find."),
    ([(ASK, GOOD), (TWO, BOTH)], 1, [4], ("last padding",), {"padding"}, "padding learned at the last place alone",
     "Look at all places."),
    ([(ASK, GOOD)], 1, [4], ("strange",), {"shifted"}, "padding has another token's label",
     "Padding has a token at its place too, and this label is another one."),
    ([(ASK, GOOD)] * 70 + [(ASK, changed(GOOD, p6=NO))], 1, [4], (), {"end"}, "seventy-one rows, the last wrong",
     "However many rows there are."),
    ([(ASK, changed(GOOD, p4=NO)), (TWO, BOTH)], 1, [4], (), set(), "the first word of an answer has no label",
     "That is none of the four."),
    ([(LONG, changed(LONG_GOOD, p99=LONG[99]))], 1, [4], (), {"prompt"}, "place 99 of a long row is learned",
     "Look at all places."),
    ([(LONG, LONG_GOOD[:-1] + [NO])], 1, [4], (), {"end"}, "a long row without its end", "Look at all places."),
)  # fmt: skip
