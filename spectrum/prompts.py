"""Prompting techniques, one pure function each: a task and an item in, a prompt out.

A prompt is plain text, which a base model continues; `chat` wraps it in messages, which any chat template takes.
"""

import json
import re

NOT_STATED = "not stated"  # what a model is to answer where the text does not say
READING = "Answer the question."  # the order under which retrieved lines are read


def bare(item):
    """Returns the input alone: the vaguest prompt there is."""
    return item.input


def ask(task, item, wording=0):
    """Returns the task's instruction in one of its 8 wordings, then the input, on lines of their own."""
    return f"{task.instruction(item, wording)}\n{item.input}\n"


def show(examples, item, instruction=None):
    """Returns solved examples followed by the open one, in the form "Input: … Output: …".

    An instruction may stand before them. The examples are items with their gold answers; with none, only the frame
    around the open input is left.
    """
    shots = "".join(f"Input: {shown_input(e)}\nOutput: {e.gold}\n\n" for e in examples)
    head = f"{instruction}\n\n" if instruction else ""
    return f"{head}{shots}Input: {shown_input(item)}\nOutput:"


def shown_input(item):
    """Returns the input; rules that differ from item to item belong to it, as no example could show them."""
    return f"{item.details['rules']} {item.input}" if "rules" in item.details else item.input


def label(examples, text):
    """Returns (text, label) pairs, one a line as "text -> label", and the open text after them."""
    return "".join(f"{t} -> {name}\n" for t, name in examples) + f"{text} ->"


def turns(examples, text, role=None):
    """Returns messages that show (text, answer) pairs as turns of a chat already held, then the open text.

    Any chat template takes them. A role may stand before them as a system turn. Built by hand in
    notebooks/02_few_shot.ipynb.
    """
    shots = [
        {"role": who, "content": said}
        for pair in examples
        for who, said in zip(("user", "assistant"), pair, strict=True)
    ]
    *system, last = chat(text, role)
    return [*system, *shots, last]


def order_turns(order, examples, text):
    """Returns messages that show (text, answer) pairs as turns of a chat, the order first in each turn of the user.

    An order of no words leaves the bare turns.
    """

    def ask(shown):
        return f"{order}\n{shown}" if order.strip() else shown

    return turns([(ask(shown), answer) for shown, answer in examples], ask(text))


def read(lines, question):
    """Returns retrieved lines followed by the question about them (notebooks/06_retrieval.ipynb)."""
    return f"{READING}\n{' '.join(lines)} {question}\n"


def read_nearest(lines, question):
    """Returns `read` with the lines turned round: the best hit of a search, its first, stands next to the question."""
    return read(lines[::-1], question)


def if_then(rules, otherwise, of="wish"):
    """Returns {value: answer} as if–then rules on one thing: "If the wish is refund, answer RED. Otherwise …"."""
    return " ".join([*(f"If the {of} is {value}, answer {answer}." for value, answer in rules.items()),
                     f"Otherwise answer {otherwise}."])  # fmt: skip


def ask_fields(keys, form="JSON"):
    """Returns an order for several fields in a form: "Give name and city as JSON."."""
    return f"Give {' and '.join(keys)} as {form}."


LAYOUTS = {
    "plain": "{order}\n{text}",
    "Markdown": "## Task\n{order}\n## Message\n{text}",
    "XML": "<task>{order}</task>\n<message>{text}</message>",
}


def lay_out(order, text, layout="plain"):
    """Returns an order and the text it is about, set apart by line, Markdown headings, XML tags or as JSON.

    Raises ValueError for another layout. With no order, the text stands alone.
    """
    if layout not in (*LAYOUTS, "JSON"):
        raise ValueError(f"layout is {layout!r}; it must be one of {', '.join([*LAYOUTS, 'JSON'])}.")
    if not order:
        return text
    if layout == "JSON":
        return json.dumps({"task": order, "message": text}, ensure_ascii=False)
    return LAYOUTS[layout].format(order=order, text=text)


def build(text, order="", context="", examples=(), layout="plain", role=None):
    """Returns messages made of the parts that are given: role, context, order, (text, answer) examples, the text.

    The order stands in each turn of the user. Built part by part in notebooks/03_roles_rules_formats.ipynb.
    """
    order = " ".join(part for part in (context, order) if part)
    return turns([(lay_out(order, shown, layout), answer) for shown, answer in examples],
                 lay_out(order, text, layout), role)  # fmt: skip


def stepwise(order):
    """Returns an order that asks for written steps: "Add the numbers." becomes "Add the numbers, step by step."."""
    return f"{order[:-1]}, step by step{order[-1]}"


def compound(orders):
    """Returns several orders as one sentence: "Give the last word, and then say this politely."."""
    first, *others = (order.rstrip(".") for order in orders)
    return ", and then ".join([first, *(order[0].lower() + order[1:] for order in others)]) + "."


def numbered(orders):
    """Returns several orders as numbered steps, one a line."""
    return "\n".join(f"{number}. {order}" for number, order in enumerate(orders, 1))


def chain(answer, links, inputs):
    """Returns the answers of a chain of prompts: a list for each input, with one answer for each link.

    A link is a template in which {0} stands for the input and {1}, {2}, … for the answers so far, or a function of
    them that returns the prompt. Other braces, as in JSON, stay as they are. Raises ValueError for a number whose
    answer is not there yet. `answer` takes a list of chats, one for each input, and returns their answers: with
    `complete` in it, any model and any chat template will do. Built by hand in notebooks/04_reasoning.ipynb.
    """
    rows = [[text] for text in inputs]
    for link in links:
        said = answer([chat(link(*row) if callable(link) else fill(link, row)) for row in rows])
        for row, text in zip(rows, said, strict=True):
            row.append(text)
    return [row[1:] for row in rows]


def fill(link, row):
    """Returns a link's template with the input and the answers so far in the places of their numbers."""
    late = [number for number in re.findall(r"\{(\d+)\}", link) if int(number) >= len(row)]
    if late:
        raise ValueError(f"the link {link!r} asks for {{{late[0]}}}; only {{0}} to {{{len(row) - 1}}} are there yet")
    return re.sub(r"\{(\d+)\}", lambda found: row[int(found[1])], link)


def chat(text, role=None):
    """Returns the prompt as messages: a user turn, after a system turn where a role is given."""
    system = [{"role": "system", "content": role}] if role else []
    return [*system, {"role": "user", "content": text.strip()}]
