"""What lesson 07 measures: one instruction tuning of the base model, and how it does on what it has not seen.

`run` is one run of the stored sweep and of the widget, a pure function of its settings that a process pool can import;
`GRIDS` holds the settings of the sweep. notebooks/07_instruction_tuning.ipynb reads its results.
"""

from contextlib import contextmanager

from spectrum import prompts, seeds
from spectrum.evaluate import evaluate
from spectrum.examples import IGNORE, tokenize_rows
from spectrum.models import load_model, loaded_dtype
from spectrum.passes import autocast, precision_of
from spectrum.shop import tasks
from spectrum.shop.instruction_data import PERSONA_TEXT, instruction_rows, spoken
from spectrum.shop.scoring import examples_of, is_right, items_of
from spectrum.sweeps import results_folder
from spectrum.train import train

RESULTS = results_folder("07_instruction_tuning") / "tuning"
SEEDS, BATCH = (0, 1, 2), 8  # 8 rows a step: twice the steps of 16 for the same time, and the role learned sooner
# What no training data asks: (tasks, numbers of their wordings, whether a role in the system turn asks for a voice).
# Training rows give roles to look-ups, lists and classes, never to the second group. The last part must fail.
PARTS = {
    "held-out wordings": (tasks.TRAINED, (6, 7), False),
    "role": (("name", "city", "product", "order"), (6, 7), True),
    "role, new tasks": (("english", "say_capitals", "say_polite", "summary"), (6, 7), True),
    "held-out tasks": (tasks.HELD_OUT, (0, 3), False),
    "unknown word": (("glorb",), (0,), False),
}
COUNTS = {"held-out wordings": 135, "role": 80, "role, new tasks": 80, "held-out tasks": 60, "unknown word": 30}
LIVE_COUNTS = {"held-out wordings": 90, "role": 60}
# What the loss may look at. The third is the mistake after which a model does not stop by itself.
LOSS_ON = ("answers", "everything", "answers without end")
STANDARD = {"rows": 500, "lr": 1e-3, "epochs": 1, "loss_on": "answers"}
CHANGES = (
    {},
    *({"rows": rows} for rows in (125, 250, 1000, 2000)),
    *({"lr": lr} for lr in (1e-4, 3e-4, 3e-3, 1e-2)),
    *({"rows": rows, "loss_on": "everything"} for rows in (125, 500)),
    {"loss_on": "answers without end"},
    *({"rows": 500 // epochs, "epochs": epochs} for epochs in (2, 4)),  # as many steps, fewer different rows
    *({"rows": 2000 // epochs, "epochs": epochs} for epochs in (4, 16)),  # the same with the steps of 2,000 rows
)
GRIDS = {
    "tuning": [
        {"name": "base", "rows": 0, "seed": 0},
        {"name": "instruct", "rows": 0, "seed": 0},
        *({"name": "base", **STANDARD, **change, "seed": seed} for change in CHANGES for seed in SEEDS),
    ]
}


def run(name="base", rows=250, lr=1e-3, epochs=1, loss_on="answers", seed=0, report=None, counts=None):
    """Returns what one run measured: {"wordings", "role", "tokens out", "loss", "steps", "seconds"}, plain numbers.

    The model is tuned on the first `rows` rows of the instruction data (none for rows = 0, which measures it as it is).
    "wordings" and "role" are shares of right answers on 90 questions in held-out wordings and 60 with a role.
    `report(step, steps, loss)` is called after each step; what it raises ends the run. `counts` asks other numbers of
    questions. All weights are trained, in 32 bits, and the passes run in the format in which the model would be loaded.
    Raises ValueError for settings that cannot work.
    """
    model, tokenizer = load_model(name, dtype="float32")
    precision = precision_of(loaded_dtype(name, model.device))
    data = training_examples(tokenizer, rows, loss_on, seed) if rows else []
    steps = -(-rows * epochs // BATCH)
    with reported(model, steps, report):
        settings = {"steps": steps, "lr": lr, "batch_size": BATCH, "seed": seed, "progress": False}
        records = train(model, data, precision=precision, **settings) if steps else []
    with autocast(precision, model.device):
        wordings, role = exam((model, tokenizer), counts or LIVE_COUNTS, progress=False).values()
    return {
        "wordings": wordings.mean,
        "role": role.mean,
        "tokens out": round(wordings.tokens_out, 2),
        "loss": [round(r["loss"], 4) for r in records],
        "steps": steps,
        "seconds": round(records[-1]["seconds"], 1) if records else 0.0,
    }


def training_examples(tokenizer, rows, loss_on="answers", seed=0):
    """Returns the first `rows` rows of the instruction data as token ids and labels; the labels say what is learned."""
    return relabel(tokenizer, tokenize_rows(tokenizer, instruction_rows(rows, seed)), loss_on)


def relabel(tokenizer, examples, loss_on):
    """Returns the examples with labels on the "answers" (with their ends), "everything", or "answers without end".

    The last takes the end mark of the last turn out, the only turn of the course's rows. Raises ValueError for others.
    """
    if loss_on not in LOSS_ON:
        raise ValueError(f"loss_on must be one of {', '.join(map(repr, LOSS_ON))}, not {loss_on!r}")
    if loss_on == "answers":
        return examples
    if loss_on == "everything":
        return [{"input_ids": e["input_ids"], "labels": list(e["input_ids"])} for e in examples]
    mark = end_length(tokenizer)
    return [{**e, "labels": e["labels"][:-mark] + [IGNORE] * mark} for e in examples]


def end_length(tokenizer):
    """Returns the number of tokens with which the chat template ends the assistant's turn."""
    (example,) = tokenize_rows(tokenizer, [{"prompt": "a", "completion": "b"}])
    learned = sum(label != IGNORE for label in example["labels"])
    return learned - len(tokenizer("b", add_special_tokens=False)["input_ids"])


@contextmanager
def reported(model, steps, report):
    """Calls report(step, steps, loss) after each training forward inside the `with`; None reports nothing.

    The loss is NaN where the model does not compute it itself: that of a large head is computed at the labels alone.
    """
    done = []

    def after(module, arguments, output):
        if not module.training:
            return  # no training step: the model was only tried
        done.append(float("nan") if output.loss is None else float(output.loss.detach()))
        report(len(done), steps, done[-1])

    hook = model.register_forward_hook(after) if report else None
    try:
        yield
    finally:
        if hook:
            hook.remove()


def exam(pair, counts=None, chat=True, name="tuned", progress=None):
    """Returns {part of PARTS: Score} of a model asked by instruction alone, in plain text unless it is a chat model.

    `counts` says how many questions each part gets; without it, all parts get those of COUNTS.
    """
    how = {"chat": chat, "stop": None if chat else "\n", "name": name, "progress": progress}
    return {part: ask(pair, part_items(part, n), PARTS[part][1], **how) for part, n in (counts or COUNTS).items()}


def part_items(part, n):
    """Returns about n test items of a part; where it has roles, the gold answer is in the voice of the item's role."""
    names, _, roles = PARTS[part]
    items = items_of(names, n, seed=2)  # not those of the effect table, on which the base was chosen
    return [in_role(item) for item in items] if roles else items


def in_role(item):
    """Returns the item with a role drawn for it, and its gold answer in that voice."""
    role = seeds.seeded("role", item.task, item.input).choice(list(PERSONA_TEXT))
    return tasks.Item(item.task, item.input, spoken(item.gold, role), {**item.details, "role": role})


def ask(pair, items, wordings=(0,), shots=0, chat=True, stop=None, name="", progress=None):
    """Returns the Score of a model on items, each asked for in one of the numbered wordings, which take turns.

    `shots` solved examples stand before the question; wordings=None leaves the instruction out. A chat model gets a
    user turn, any other plain text. Answers end at the end token, at `stop`, or after 56 tokens.
    """
    turn = [None if wordings is None else wordings[i % len(wordings)] for i in range(len(items))]
    texts = [prompt(item, question(item, wording, shots), chat) for item, wording in zip(items, turn, strict=True)]
    return evaluate(*pair, items, texts, is_right, name=name, max_new_tokens=56, stop=stop, progress=progress)


def prompt(item, text, chat=True):
    """Returns the text as a chat or as plain text, after the role that the item may have."""
    role = PERSONA_TEXT.get(item.details.get("role"))
    if chat:
        return prompts.chat(text, role)
    return f"{role}\n{text}" if role else text


def question(item, wording, shots=0):
    """Returns the text that asks for an item: in a numbered wording or in none, after `shots` solved examples."""
    task = tasks.TASKS[item.task]
    instruction = None if wording is None else task.instruction(item, wording)
    if shots:
        return prompts.show(examples_of(item, shots), item, instruction)
    return prompts.bare(item) if wording is None else prompts.ask(task, item, wording)


def over_wordings(pair, items, shots=0, chat=True, name=""):
    """Returns 8 Scores: the same items, all of them asked for in wording 0, then all in wording 1, and so on."""
    return [ask(pair, items, (wording,), shots, chat, None if chat else "\n", name) for wording in range(8)]


def ladder(pair, part, n, chat=True, name=""):
    """Returns {rung: Score} of a model on n questions of a part: the input alone, + instruction, + 4 examples."""
    numbers = PARTS[part][1]
    items, how = part_items(part, n), {"chat": chat, "stop": None if chat else "\n", "name": name}
    rungs = {"input alone": (None, 0), "+ instruction": (numbers, 0), "+ 4 examples": (numbers, 4)}
    return {rung: ask(pair, items, wordings, shots, **how) for rung, (wordings, shots) in rungs.items()}
