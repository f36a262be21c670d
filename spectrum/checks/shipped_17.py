"""What lab 17's last check does with a file: is it one, does it fit, and what does llama.cpp answer with it?"""

from pathlib import Path

import gguf

from spectrum.checks.gate import short
from spectrum.checks.machinery import CheckFailed, expect
from spectrum.checks.requests_17 import HERE, MISSING, said
from spectrum.serve import serve
from spectrum.shop import tasks

MOST, GOAL = 2_000_000, 0.85  # bytes of the file; share of the messages that it must answer right


def check_file(path, folder):
    """Returns the path of a learner's file; raises unless it is a GGUF file of a whole, small model in the folder."""
    expect(isinstance(path, str | Path), f"expected the path of a file, got {short(path)}",
           "export.write_gguf returns the path that it wrote to.")  # fmt: skip
    path = Path(path)
    expect(path.exists(), f"there is no file {path.name!r} where your path leads",
           "Write it into `folder`, and return folder and name together.")  # fmt: skip
    expect(path.is_file(), f"{path.name!r} is a folder", "One file is shipped: return the file in it.")
    expect(path.resolve().is_relative_to(Path(folder).resolve()), f"{path.name!r} does not lie in the folder",
           "Whoever ships it looks in `folder`, and nowhere else.")  # fmt: skip
    with path.open("rb") as stream:
        first = stream.read(4)
    expect(first == b"GGUF", f"{path.name!r} is no GGUF file: it begins with {first!r}",
           "llama.cpp reads what export.write_gguf writes; torch's and safetensors' files it does not.")  # fmt: skip
    size = path.stat().st_size
    expect(size <= MOST, f"your file has {size / 1e6:.2f} MB, wanted at most {MOST / 1e6:.1f}",
           "How many bits has a weight in it? Task 1 counts what another kind would take.")  # fmt: skip
    expect(type_of(path) != "adapter", f"{path.name!r} is an adapter alone",
           "It has no weights to stand beside. Merge it, and write the whole model.")  # fmt: skip
    return path


def type_of(path):
    """Returns what a GGUF file says that it is, "" where it says nothing or cannot be read."""
    try:
        field = gguf.GGUFReader(path).fields.get("general.type")
    except (ValueError, IndexError, KeyError):  # llama.cpp will say what is wrong with it
        return ""
    return "" if field is None else bytes(field.parts[field.data[0]]).decode("utf-8", "replace")


def check_answers(path, items, orders):
    """Raises unless a file answers enough of the items right, in llama.cpp; each is asked by its order."""
    expect(HERE, f"your file cannot be run: {MISSING}", "This task asks your file itself.")
    try:
        with serve(path, context=512) as server:
            answers = [said(server.url, order, most=40) for order in orders]
    except RuntimeError as error:
        raise CheckFailed(f"llama.cpp cannot run {path.name!r}: {short(str(error), 200)}",
                          "Was it written to its end, with the tokenizer of its model?") from None  # fmt: skip
    asked = zip(orders, answers, items, strict=True)
    wrong = [each for each in asked if not tasks.TASKS[each[2].task].score(*each[1:])]
    right = len(items) - len(wrong)
    told = "".join(f"Told {order!r}\nit says {short(answer)}\nand should say {item.gold!r}. "
                   for order, answer, item in wrong[:1])  # fmt: skip
    expect(right >= GOAL * len(items), f"your file answers {right} of {len(items)} new messages right, wanted "
           f"{GOAL * len(items):.0f}", f"{told}Which base was tuned, on how many messages and for how long, and was it "
           "merged before it was written?")  # fmt: skip
