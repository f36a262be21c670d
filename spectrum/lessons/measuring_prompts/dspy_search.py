"""DSPy over a model of this course: an engine that answers its requests here, and an adapter that writes our prompts.

DSPy is optional: `pip install -e ".[dspy]" -c constraints.txt`. Nothing leaves the machine. An `Engine` is what
`dspy.LM` asks instead of a service. DSPy's own prompt format is made for large models; `plain_adapter` writes the
prompts that `spectrum.search` writes, so both search the same space. Proposing instructions is the work of a large
model too: `Proposer` reads them from a list.

python -m spectrum.lessons.measuring_prompts.dspy_search    runs the search and stores what it found in results/
"""

import importlib
import importlib.util
import json
import logging
import os
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO

from spectrum.generate import complete
from spectrum.prompts import order_turns
from spectrum.sweeps import results_folder

RESULTS = results_folder("05_measuring_prompts") / "dspy.json"
HOW = 'DSPy is not installed here. Install it with: pip install -e ".[dspy]" -c constraints.txt'


def installed():
    """Returns whether DSPy and the optimizer's library can be imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("dspy", "optuna"))


def load():
    """Returns the module dspy, its caches switched off; raises ImportError with the way out where it is missing."""
    if not installed():
        raise ImportError(HOW)
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it would look for prices on the web
    dspy = importlib.import_module("dspy")  # not an import statement: the package must work without it
    dspy.configure_cache(enable_disk_cache=False, enable_memory_cache=False)
    return dspy


class Engine:
    """Answers DSPy's requests with a model of this course, and counts them."""

    def __init__(self, model, tokenizer, **options):
        self.model, self.tokenizer, self.options, self.calls = model, tokenizer, options, 0

    def answer(self, messages):
        """Returns the model's answer to messages as text."""
        return complete(self.model, self.tokenizer, [messages], progress=False, **self.options)[0]

    def complete(self, request):
        """Returns DSPy's Response to its Request."""
        self.calls += 1
        return response(self.answer(as_messages(request)), request.model)

    def close(self):
        """Does nothing: there is no connection to close."""


class Proposer(Engine):
    """Stands in for the large model that would write instructions: hands out those of a list in turn."""

    def __init__(self, instructions):
        if not instructions:
            raise ValueError("a proposer needs at least one instruction to hand out")
        self.instructions, self.calls = list(instructions), 0

    def answer(self, messages):
        """Returns the next instruction of the list; after the last the first again."""
        return self.instructions[(self.calls - 1) % len(self.instructions)]


def as_messages(request):
    """Returns the messages of a DSPy Request as a chat template takes them."""
    system = request.system
    if system is not None and not isinstance(system, str):
        system = "".join(part.text for part in system)
    first = [{"role": "system", "content": system}] if system else []
    return first + [{"role": message.role, "content": message.text or ""} for message in request.messages]


def response(text, model):
    """Returns DSPy's Response with a text as the assistant's turn."""
    types = importlib.import_module("dspy.lm15")
    return types.Response(
        id=None, model=model, message=types.Message.assistant(text or " "), finish_reason="stop", usage=types.Usage()
    )


def make_lm(engine, name="local"):
    """Returns a dspy.LM that asks the engine and remembers nothing between calls."""
    return load().LM(f"spectrum/{name}", engine=engine, cache=False)


def plain_adapter():
    """Returns a dspy.Adapter that writes `prompts.order_turns` and takes the whole answer as the output field.

    Several inputs are written as "name: value" lines, which is how the optimizer asks its `Proposer`; several outputs
    all get the whole answer.
    """
    dspy = load()

    class PlainAdapter(dspy.Adapter):
        def format(self, signature, demos, inputs):
            given, wanted = list(signature.input_fields), list(signature.output_fields)
            whole = [demo for demo in demos if {*given, *wanted} <= {*demo}]
            shots = [(written(demo, given), written(demo, wanted)) for demo in whole]
            return order_turns(signature.instructions, shots, written(inputs, given))

        def parse(self, signature, completion):
            return dict.fromkeys(signature.output_fields, completion.strip())

    return PlainAdapter()


def written(values, names):
    """Returns the values of one name as they are, those of several as "name: value" lines."""
    if len(names) == 1:
        return str(values[names[0]])
    return "\n".join(f"{name}: {values.get(name, '')}" for name in names)


# ---- the search ----


def as_examples(items):
    """Returns dspy.Examples of items: "text" in, "answer" out."""
    dspy = load()
    return [dspy.Example(text=i.input, answer=i.gold).with_inputs("text") for i in items]


@contextmanager
def quiet():
    """Keeps DSPy's reports and bars from the page."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        logging.disable(logging.INFO)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def search(pair, instructions, train, dev, budget, same, seed=0, most_shots=2, **options):
    """Returns what DSPy's MIPROv2 (Opsahl-Ong et al. 2024) finds: {"instruction", "shots", "dev", "calls"}.

    It searches the instructions, of which the first is where it starts, with examples from `train`, and judges on all
    of `dev`. `same(answer, gold)` says what is right, `options` go to `complete`. `calls` counts every call to the
    model, those for gathering examples too, and stays within the budget. Raises ValueError for a budget too small.
    """
    sets = max(len(instructions), 4)
    gathering = (sets - 1) * len(train)  # at the most: each set asks until it has enough right answers
    trials = (budget - gathering) // len(dev) - 1
    if trials < 1:
        raise ValueError(
            f"a budget of {budget} calls is too small: gathering may take {gathering}, a trial "
            f"{len(dev)}. Give fewer training items or a larger budget."
        )
    dspy, engine = load(), Engine(*pair, **options)

    def right(example, prediction, trace=None):
        return same(prediction.answer, example.answer)

    lm, proposer = make_lm(engine), make_lm(Proposer(instructions[1:] or instructions), "proposer")
    with quiet(), dspy.context(lm=lm, adapter=plain_adapter(), num_threads=1):
        student = dspy.Predict(dspy.Signature("text -> answer", instructions[0]))
        optimizer = dspy.MIPROv2(
            metric=right, prompt_model=proposer, task_model=lm, auto=None, num_candidates=sets, num_threads=1,
            max_bootstrapped_demos=most_shots, max_labeled_demos=0, seed=seed + 1,
        )  # fmt: skip
        found = optimizer.compile(
            student, trainset=as_examples(train), valset=as_examples(dev), num_trials=trials, minibatch=False,
            program_aware_proposer=False, data_aware_proposer=False, tip_aware_proposer=False,
            fewshot_aware_proposer=False,
        )  # fmt: skip
    shots = [(demo["text"], demo["answer"]) for demo in found.demos]
    return {
        "instruction": found.signature.instructions,
        "shots": shots,
        "dev": found.score / 100,
        "calls": engine.calls,
    }


def stored():
    """Returns what the search found when it was last run here for the course, from results/."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def measure(pair, budget=300, n_dev=30, n_test=120, seed=0):
    """Returns what the search finds in the space of lesson 05, with its test score, as plain numbers and texts."""
    from spectrum import evaluate
    from spectrum import search as by_hand
    from spectrum.lessons.measuring_prompts.rewordings import ORDERS
    from spectrum.shop import tasks

    task, options = tasks.TASKS["sentiment"], {"max_new_tokens": 8}
    train, dev, test = (task.sample(n, s, seed=1) for n, s in ((8, "train"), (n_dev, "dev"), (n_test, "test")))
    found = search(pair, ORDERS, train, dev, budget, tasks.same_text, seed, **options)
    chosen = by_hand.Candidate(found["instruction"], tuple(tuple(shot) for shot in found["shots"]))
    asked = [chosen.messages(item.input) for item in test]
    score = evaluate.evaluate(*pair, test, asked, task.score, name="DSPy", progress=False, **options)
    return found | {"test": score.mean, "low": score.low, "high": score.high, "n": score.n, "budget": budget}


def by_dspy(model, tokenizer):
    """Returns (what DSPy finds in the same space, how): run now where DSPy is installed, else the stored run."""
    if installed():
        return measure((model, tokenizer)), "run now"
    return stored(), f"stored run ({HOW})"


def main():
    """Runs the search with lumen-instruct and stores what it found."""
    from spectrum.models import load_model

    found = measure(load_model("instruct"))
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
