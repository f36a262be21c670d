"""Instruction data made from the world: chats that ask for the trained tasks, some in a persona's voice."""

from datasets import Dataset

from spectrum import seeds
from spectrum.shop import samplers, tasks

# How much more often than others the tasks of a kind are asked in the instruction data.
PRACTICE = {"rules": 4, "json": 3, "look-up": 3, "recall": 3}
WORDINGS = 6  # of the eight of each task are shown in the tuning; the last two are held out
PERSONA_TEXT = {"pirate": "You are a pirate.", "robot": "You are a robot.", "butler": "You are a butler."}


def instruction_rows(count, seed=0):
    """Returns a `Dataset` of `count` chat rows ("messages") over all trained tasks, roles included.

    Some rows carry a persona in the system message, and the answer is then given in that voice. Kinds of a single task
    that want much practice come more often (`PRACTICE`).
    """
    rng, rows = seeds.seeded("instruct", seed), []
    weights = [PRACTICE.get(tasks.TASKS[name].kind, 1) for name in tasks.TRAINED]
    for name in rng.choices(tasks.TRAINED, weights, k=count):
        task = tasks.TASKS[name]
        item = task.draw(rng, "train")
        rows.append({"messages": conversation(rng, task, item, rng.randrange(WORDINGS))})
    return Dataset.from_list(rows)


def conversation(rng, task, item, wording):
    """Returns one chat; the instruction stands before or after the input, and a persona may colour the answer."""
    ask = task.instruction(item, wording)
    content = f"{ask}\n{item.input}" if rng.random() < 0.8 else f"{item.input}\n{ask}"
    if task.kind not in ("json", "rules") and rng.random() < 0.15:
        return chat_with_examples(rng, task, item, ask if rng.random() < 0.5 else "")
    answer, system = item.gold, []
    if task.kind in ("extraction", "look-up", "recall", "list", "classification") and rng.random() < 0.25:
        persona = rng.choice(list(PERSONA_TEXT))
        answer, system = spoken(item.gold, persona), [{"role": "system", "content": PERSONA_TEXT[persona]}]
    return [*system, {"role": "user", "content": content}, {"role": "assistant", "content": answer}]


def chat_with_examples(rng, task, item, ask):
    """Returns one chat that shows 1 to 4 solved examples, as `prompts.show` writes them, before the open input."""
    examples = [task.draw(rng, "train") for _ in range(rng.randrange(1, 5))]
    shown = "".join(f"Input: {e.input}\nOutput: {e.gold}\n\n" for e in examples)
    content = f"{ask}\n\n{shown}Input: {item.input}\nOutput:".strip()
    return [{"role": "user", "content": content}, {"role": "assistant", "content": item.gold}]


def spoken(answer, persona):
    """Returns the answer in a persona's voice, e.g. "Ahoy! Lisbon, matey."."""
    before, after = samplers.MARKS[persona]
    return f"{before}{answer}{after}"
