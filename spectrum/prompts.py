"""Prompting techniques, one pure function each: a task and an item in, a prompt out.

A prompt is plain text, which a base model continues; `chat` wraps it in messages, which any chat template takes.
"""

from spectrum import tasks


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


def read(lines, question):
    """Returns retrieved lines followed by the question about them (notebooks/06_retrieval.ipynb)."""
    return f"{tasks.TASKS['lookup'].instructions[0]}\n{' '.join(lines)} {question}\n"


def chat(text, role=None):
    """Returns the prompt as messages: a user turn, after a system turn where a role is given."""
    system = [{"role": "system", "content": role}] if role else []
    return [*system, {"role": "user", "content": text.strip()}]
