"""The lessons' sections "Take it to work": found in a notebook, run with other dials, and what was learned."""

import ast
import contextlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import datasets
import nbformat
import torch
from peft import PeftModel, get_peft_model_state_dict
from tiny import make_tiny
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer

ROOT = Path(__file__).resolve().parent.parent
HEADING = "## Take it to work"
FOLD = re.compile(r"<details>\s*<summary>The same with TRL</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
END = {"llama": "<|end|>", "qwen3": "<|im_end|>"}  # what ends a turn in the templates of `tiny`

# ---- the section and its code ----


@dataclass(frozen=True)
class Section:
    """A block of plain code, and the same with TRL; no twin where nothing is trained."""

    block: str
    twin: str | None = None


def find_section(words):
    """Return the Section in markdown, None where it has none."""
    found = re.search(rf"^{HEADING}$(.*?)(?=^## |\Z)", words, re.DOTALL | re.MULTILINE)
    if not found:
        return None
    (block,), folds = code_blocks(FOLD.sub("", found[1])), FOLD.findall(found[1])
    return Section(block, *(twin for fold in folds for twin in code_blocks(fold)))


def code_blocks(words):
    """Return the Python in fences."""
    return re.findall(r"^```python\n(.*?)^```$", words, re.DOTALL | re.MULTILINE)


def read_sections():
    """Return {number of the lesson: Section} of all notebooks that have one."""
    sections = {}
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        section = find_section("\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown"))
        if section:
            sections[path.name[:2]] = section
    return sections


def turn_dials(source, **dials):
    """Return the source with other values in its assignments to names in capitals; each of the dials must be there."""
    tree, left = ast.parse(source), dict(dials)
    for node in [node for node in tree.body if isinstance(node, ast.Assign)]:
        several = isinstance(node.targets[0], ast.Tuple)
        names, values = (node.targets[0].elts, node.value.elts) if several else (node.targets, [node.value])
        for place, name in enumerate(names):
            if isinstance(name, ast.Name) and name.id in left:
                values[place] = ast.parse(repr(left.pop(name.id)), mode="eval").body
        node.value = node.value if several else values[0]
    assert not left, f"no such dial: {', '.join(left)}"
    return ast.unparse(tree)


# ---- a place to run it in ----


def chat(*contents, system=None):
    """Return messages: a user's and an assistant's turns, one after the other."""
    turns = [{"role": role, "content": text} for role, text in zip(["user", "assistant"] * 9, contents, strict=False)]
    return [{"role": "system", "content": system}, *turns] if system else turns


CHATS = [
    chat("Is the lantern blue?", "Yes, blue."),
    chat("And the kettle?", "It is red.", "How much?", "Twelve.", system="Be short."),
    chat("Order 4821 is late!", "Sorry for that, Mira. It comes on Monday."),
    chat("Naïve café?", "größe 東京 🙂"),
]
LAST_ANSWERS = [messages[-1]["content"] for messages in CHATS]
ALL_ANSWERS = [turn["content"] for messages in CHATS for turn in messages if turn["role"] == "assistant"]


@dataclass
class Place:
    """A folder with a tiny checkpoint, a file of chats, and room for what is trained."""

    folder: Path
    architecture: str
    template: str | None = None  # another than the architecture's
    hidden: int = 32

    def __post_init__(self):
        self.base = make_tiny(self.folder / "base", architecture=self.architecture, hidden=self.hidden)
        self.end = END[self.architecture]
        self.out, self.file = self.folder / "out", self.folder / "chats.jsonl"
        if self.template:
            tokenizer = self.tokenizer()
            tokenizer.chat_template = self.template
            tokenizer.save_pretrained(self.base)
        self.write(CHATS)

    def write(self, chats):
        """Write the file of chats."""
        lines = [json.dumps({"messages": messages}, ensure_ascii=False) for messages in chats]
        self.file.write_text("\n".join(lines), encoding="utf-8")

    def tokenizer(self):
        """Return the tokenizer of the tiny checkpoint."""
        return AutoTokenizer.from_pretrained(self.base)

    def load(self, **options):
        """Return the tiny checkpoint as it was before anything was trained."""
        return AutoModelForCausalLM.from_pretrained(self.base, **options).eval()

    def run(self, source, **dials):
        """Run the source of a block on this place; return what it trained and printed."""
        paths = {"MODEL": str(self.base), "DATA": str(self.file), "OUT": str(self.out)}
        code = compile(turn_dials(source, **paths, **dials), "take it to work", "exec")
        trainers, printed, train = [], io.StringIO(), Trainer.train

        def noted(trainer, *args, **kwargs):
            trainers.append(trainer)
            return train(trainer, *args, **kwargs)

        cache = str(self.folder / "cache")
        with (
            mock.patch.object(Trainer, "train", noted),
            mock.patch.object(datasets.config, "HF_DATASETS_CACHE", cache),
            mock.patch.dict("os.environ"),  # a trainer leaves its precision there
            contextlib.redirect_stdout(printed),
        ):
            names = {"__name__": "__main__"}
            exec(code, names)
        return Run(self, trainers, printed.getvalue(), names)


@dataclass
class Run:
    """What a block did: its trainers in order, what it printed, and the names it left."""

    place: Place
    trainers: list
    printed: str
    names: dict

    def check_loss_is_on(self, answers):
        """Raise AssertionError unless each trainer's batches count the given answers with their ends, and no more."""
        end, tokenizer = self.place.end, self.place.tokenizer()
        for trainer in self.trainers:
            batches = list(trainer.get_train_dataloader())
            rows = [row for batch in batches for row in batch["labels"].tolist()]
            counted = [tokenizer.decode([t for t in row if t != -100]).removesuffix("\n") for row in rows]
            assert sorted(counted) == sorted(answer + end for answer in answers), counted

    def check_loss_falls(self):
        """Raise AssertionError unless the last loss that each trainer reported is below 0.7 of its first."""
        for trainer in self.trainers:
            losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
            assert len(losses) >= 2 and losses[-1] < 0.7 * losses[0], losses

    def check_saved(self, folder=None, trainer=-1, tolerance=1e-3, **options):
        """Raise AssertionError unless the folder holds the adapter that was trained; return it over a fresh base.

        Its numbers are those in the trainer's model, and over the base it gives that model's logits, not the base's.
        The gap to them is below `tolerance` of what the adapter changes. `options` go to the loading of the base.
        """
        folder, tokenizer = Path(folder or self.place.out), self.place.tokenizer()
        assert (folder / "adapter_model.safetensors").exists(), f"no adapter in {folder}"
        trained = self.trainers[trainer].model.eval()
        base = self.place.load(**options)
        before = logits(base, tokenizer)
        again = PeftModel.from_pretrained(base, folder).eval()
        kept = get_peft_model_state_dict(again)
        for name, numbers in get_peft_model_state_dict(trained).items():
            assert torch.equal(kept[name].float().cpu(), numbers.float().cpu()), f"{name} is not saved as trained"
        after = logits(again, tokenizer)
        effect, gap = (after - before).abs().mean(), (after - logits(trained, tokenizer)).abs().mean()
        assert effect > 0.1, f"the adapter changes logits by {effect}"
        assert gap < tolerance * effect, f"loaded again, logits differ by {gap}; the adapter changes them by {effect}"
        return again


def linear_layers(model):
    """Return {name: (numbers in, numbers out)} of the linear layers of a plain model, the head left out."""
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    return {name: (x.in_features, x.out_features) for name, x in layers.items() if x is not model.lm_head}


def answer_loss(model, tokenizer, chats):
    """Return the mean loss in nats of the tokens of the last answers, ends and all: counted from the rendered text."""
    total, count = 0.0, 0
    for messages in chats:
        prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
        whole = tokenizer.apply_chat_template(messages, tokenize=False)
        start = len(tokenizer(prompt, add_special_tokens=False).input_ids)
        ids = torch.tensor([tokenizer(whole, add_special_tokens=False).input_ids], device=model.device)
        with torch.no_grad():
            surprise = -model(input_ids=ids).logits.float().log_softmax(-1)[0, :-1]
        total += surprise.gather(1, ids[0, 1:, None])[start - 1 :].sum().item()
        count += ids.shape[1] - start
    return total / count


def logits(model, tokenizer):
    """Return the logits of a model on a text of its own kind."""
    ids = tokenizer.apply_chat_template(CHATS[2], return_tensors="pt", return_dict=False)
    with torch.no_grad():
        return model(input_ids=ids.to(model.device)).logits.float().cpu()
