"""The code of "Take it to work" does on a tiny checkpoint what its lesson says, in plain peft and in TRL."""

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys

import pytest
import torch
from take import (
    ALL_ANSWERS,
    CHATS,
    LAST_ANSWERS,
    Place,
    answer_loss,
    chat,
    find_section,
    linear_layers,
    logits,
    read_sections,
    turn_dials,
)
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from zoo import OPENS, THINKING

from spectrum import embedder, retrieval

SECTIONS = read_sections()
TUNING, MEASURING, LAUNCHING, SERVING, SEARCHING = ["07", "11", "12", "15"], ["14"], ["16"], ["17"], ["06"]
# A trainer takes a GPU where it sees one; TRL's own default, bfloat16 on the way, would blur comparisons.
HOW = {"use_cpu": not torch.cuda.is_available(), "logging_steps": 4, "learning_rate": 1e-2}
EXACT = {**HOW, "bf16": False}
MASK = "[-100] * len(asked) + whole[len(asked) :]"


@pytest.fixture(params=["qwen3", "llama"])
def place(request, tmp_path):
    """A tiny Qwen3 (no marks of generation in its template) or Llama (its end of a turn is not its end of a text)."""
    return Place(tmp_path, request.param)


@pytest.fixture
def qwen(tmp_path):
    return Place(tmp_path, "qwen3")


@pytest.fixture
def blocks(tmp_path):
    """192 and 512 inputs, whole blocks of 64: bitsandbytes packs them anew where a processor multiplies bfloat16."""
    return Place(tmp_path, "qwen3", hidden=192)


@pytest.fixture(params=["block", "twin"])
def form(request):
    """Which code of a section: the plain block or its twin in TRL."""
    if request.param == "twin":
        pytest.importorskip("trl")
    return request.param


def few(epochs, batch=4, **more):
    """Return how a tiny model is trained: enough to see the loss fall."""
    return {**EXACT, "num_train_epochs": epochs, "per_device_train_batch_size": batch, **more}


# ---- the words around it ----


@pytest.mark.parametrize("lesson", TUNING)
def test_tuning_lesson_has_a_section_with_its_twin(lesson):
    assert lesson in SECTIONS, f"lesson {lesson} has no section '## Take it to work'"
    assert SECTIONS[lesson].twin, f"lesson {lesson} has no fold 'The same with TRL'"


def test_each_section_is_run_here():
    run_here = TUNING + MEASURING + LAUNCHING + SERVING + SEARCHING
    assert sorted(SECTIONS) == sorted(run_here), "a section without a test that runs it"


CODES = [(lesson, code) for lesson, section in SECTIONS.items() for code in ("block", "twin") if getattr(section, code)]


@pytest.mark.parametrize(("lesson", "code"), CODES)
def test_code_is_short_plain_and_begins_with_its_dials(lesson, code):
    source = getattr(SECTIONS[lesson], code)
    lines = [line for line in source.split("\n") if line.strip()]
    most = 34 if lesson in LAUNCHING + SEARCHING else 25  # a file of its own, and two searches
    assert len(lines) <= most and max(map(len, lines)) <= 120
    modules = {name.split(".")[0] for name in re.findall(r"^\s*(?:from|import) ([\w.]+)", source, re.MULTILINE)}
    assert not modules & {"spectrum", "tests", "tools"}
    first = next(node for node in ast.parse(source).body if isinstance(node, ast.Assign))
    dials = ["MODEL", "FOLDER", "QUESTION"] if lesson in SEARCHING else ["MODEL", "DATA", "OUT"]
    assert [name.id for name in first.targets[0].elts][:3] == dials
    assert "torch_dtype" not in source


def test_section_ends_at_the_next_heading():
    words = "## Take it to work\n\n```python\na\n```\n\n<details><summary>The same with TRL</summary>\n\n"
    words += "```python\nb\n```\n\n</details>\n\n## Next\n\n```python\nc\n```\n"
    found = find_section(f"# Why?\n\n{words}")
    assert (found.block, found.twin) == ("a\n", "b\n")
    assert find_section("## Take it to work\n\n```python\na\n```\n").twin is None
    assert find_section("# Why?\n\nTake it to work, some day.") is None


def test_defaults_of_bitsandbytes_are_as_said():
    default = BitsAndBytesConfig(load_in_4bit=True)
    assert default.bnb_4bit_quant_type == "fp4" and not default.bnb_4bit_use_double_quant
    assert default.bnb_4bit_compute_dtype == torch.float32


def test_defaults_of_trl_are_as_said(qwen):
    trl = pytest.importorskip("trl")
    from trl.trainer.utils import create_model_from_path

    assert trl.SFTConfig("unused", use_cpu=True).max_length == 1024
    qwen.load().to(torch.bfloat16).save_pretrained(qwen.base)
    assert qwen.load().dtype == torch.bfloat16 and create_model_from_path(str(qwen.base)).dtype == torch.float32


# ---- lesson 07: the loss is on the answers, and the end of a turn is learned ----


@pytest.mark.slow
def test_instruction_tuning_learns_the_answers_and_where_they_end(place):
    run = place.run(SECTIONS["07"].block, HOW=few(60, batch=5))
    run.check_loss_is_on(ALL_ANSWERS)
    run.check_loss_falls()
    run.check_saved()
    end = place.end
    assert run.printed.rstrip().endswith(f"Yes, blue.{end}"), run.printed
    saved = run.names["tokenizer"].from_pretrained(place.out)
    assert saved.eos_token == end and saved.pad_token != end


@pytest.mark.slow
def test_instruction_tuning_with_trl(place):
    pytest.importorskip("trl")
    run = place.run(SECTIONS["07"].twin, HOW=few(12), END=place.end)
    run.check_loss_is_on(ALL_ANSWERS)
    run.check_loss_falls()
    run.check_saved()
    assert run.trainers[0].processing_class.eos_token == place.end


@pytest.mark.slow
def test_instruction_tuning_of_a_model_that_thinks(tmp_path):
    run = Place(tmp_path, "qwen3", THINKING).run(SECTIONS["07"].block, HOW=few(1))
    run.check_loss_is_on(ALL_ANSWERS)  # the empty thinking block stands in the prompt


@pytest.mark.parametrize("lesson", TUNING + MEASURING)
def test_template_that_does_not_go_on_from_its_prompt_is_refused(tmp_path, lesson, eager):
    with pytest.raises(AssertionError, match="does not go on from its own prompt"):
        Place(tmp_path, "qwen3", OPENS).run(SECTIONS[lesson].block)


def before(block, line):
    """Return the part of a block that stands before a line."""
    part, found, _ = block.partition(f"\n{line}")
    assert found, f"no line begins with {line}"
    return part


CUT = 'train_dataset=[{**r, "labels": r["labels"][:-2] + [-100, -100]} for r in data]'
WRONG_MASKS = {
    "whole prompt": (MASK, "list(whole)"),
    "last mark of the prompt": (MASK, "[-100] * (len(asked) - 1) + whole[len(asked) - 1 :]"),
    "no end of the turn": ("train_dataset=data", CUT),
}


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG_MASKS)
def test_wrong_mask_is_noticed(qwen, wrong):
    block = before(SECTIONS["07"].block, "model.save_pretrained(OUT)")
    right, fault = WRONG_MASKS[wrong]
    assert block.count(right) == 1
    run = qwen.run(block.replace(right, fault), HOW=few(1))
    with pytest.raises(AssertionError, match="Yes, blue"):
        run.check_loss_is_on(ALL_ANSWERS)


# ---- lesson 11: a LoRA on every linear layer, saved and merged ----


def check_scaling(model, rank):
    """Raise AssertionError unless a LoRA of the rank, scaled by 16/rank, lies on every linear layer but the head."""
    found = {name for name, module in model.get_base_model().named_modules() if hasattr(module, "lora_A")}
    config = model.peft_config["default"]
    layers = set(linear_layers(model.unload()))
    assert found == layers, found ^ layers
    assert (config.r, config.lora_alpha, config.use_rslora) == (rank, 16, False)


@pytest.mark.slow
def test_lora_is_trained_and_saved(place, form):
    run = place.run(getattr(SECTIONS["11"], form), HOW=few(12))
    run.check_loss_is_on(LAST_ANSWERS)
    run.check_loss_falls()
    numbers = sum(8 * (d_in + d_out) for d_in, d_out in linear_layers(place.load()).values())
    assert f"trainable params: {numbers:,} " in run.printed
    check_scaling(run.check_saved(), rank=8)


@pytest.mark.slow
def test_lora_is_merged(place):
    run = place.run(SECTIONS["11"].block, HOW=few(12))
    adapted = logits(run.check_saved(), place.tokenizer())
    merged = AutoModelForCausalLM.from_pretrained(f"{place.out}_merged").eval()
    assert not [name for name, _ in merged.named_modules() if "lora" in name]
    assert torch.allclose(logits(merged, place.tokenizer()), adapted, atol=1e-3)


@pytest.mark.slow
def test_adapter_that_is_not_saved_is_noticed(qwen):
    run = qwen.run(before(SECTIONS["11"].block, "model.save_pretrained(OUT)"), HOW=few(1))
    with pytest.raises(AssertionError, match="no adapter in"):
        run.check_saved()


@pytest.mark.slow
def test_adapter_that_is_saved_untrained_is_noticed(qwen):
    block = before(SECTIONS["11"].block, "model.save_pretrained(OUT)")
    early = block.replace("trainer.train()", "model.save_pretrained(OUT)\ntrainer.train()")
    run = qwen.run(early, HOW=few(1))
    with pytest.raises(AssertionError, match="is not saved as trained"):
        run.check_saved()


@pytest.mark.slow
def test_other_alpha_is_noticed(qwen):
    run = qwen.run(SECTIONS["11"].block.replace("lora_alpha=16", "lora_alpha=32"), HOW=few(8))
    with pytest.raises(AssertionError):
        check_scaling(run.check_saved(), rank=8)


# ---- lesson 12: the rate first, then the ranks, α left alone ----


@pytest.mark.slow
def test_search_takes_the_best_rate_to_three_ranks_and_three_seeds(qwen, form):
    qwen.write([chat(f"Is lamp {n} blue?", f"No, lamp {n} is red.") for n in range(20)])
    how = {key: value for key, value in few(3, batch=8).items() if key != "learning_rate"}
    run = qwen.run(getattr(SECTIONS["12"], form), RANK=4, RATES=[1e-4, 1e-2], HOW=how)
    losses = ast.literal_eval(re.search(r"\{0\.0001: .*?\}", run.printed)[0])
    best = float(re.search(r"best rate: (\S+)", run.printed)[1])
    assert best == min(losses, key=losses.get) == 1e-2
    found = {
        int(rank): ast.literal_eval(three) for rank, three in re.findall(r"^rank (\d+) (\[.*\])$", run.printed, re.M)
    }
    assert list(found) == [1, 4, 16] and len(run.trainers) == 2 + 9
    for trainer in run.trainers:
        kept, held = (
            {tuple(row) for row in data["input_ids"]} for data in (trainer.train_dataset, trainer.eval_dataset)
        )
        assert (len(kept), len(held), kept & held) == (18, 2, set())
    for number, (rank, three) in enumerate(found.items()):
        assert len(set(three)) == 3, "three seeds, three losses"
        model = run.check_saved(qwen.out / f"{rank}_{best}_3", trainer=2 + 3 * number + 2)
        assert answer_loss(model, qwen.tokenizer(), held_out(run.names["data"]["test"])) == pytest.approx(
            three[2], rel=1e-3
        )
        check_scaling(model, rank)
    assert run.names["run"](4, best, 1) == pytest.approx(found[4][0], rel=1e-4), "a seed gives its loss again"


def held_out(rows):
    """Return the chats of held-out rows, in the form of the block or of its twin."""
    return [row["messages"] if "messages" in row else row["prompt"] + row["completion"] for row in rows]


# ---- lesson 14: what four bits cost on one's own data ----


@pytest.mark.slow
def test_losses_are_those_of_the_model_rounded_each_way(blocks):
    run = blocks.run(SECTIONS["14"].block)
    found, tokenizer = json.loads(blocks.out.read_text()), blocks.tokenizer()
    assert list(found) == ["16 bits", "8 bits", "FP4", "NF4"] and all(
        len(each) == len(CHATS) for each in found.values()
    )
    for way, config in (("16 bits", None), ("NF4", NF4)):
        model = blocks.load(quantization_config=config, dtype=torch.bfloat16)
        again = [answer_loss(model, tokenizer, [messages]) for messages in CHATS]
        assert found[way] == pytest.approx(again, rel=0.01)
    off = [found["NF4"][n] - found["16 bits"][n] for n in range(len(CHATS))]
    said = run.printed.split("\n")
    assert f"{sum(off) / len(off):+.3f} ± " in said[3] and "+0.000 ± 0.000" in said[0]


# ---- lesson 06: two searches over a folder of texts ----

TEXTS = {
    "money.md": "# Money\n\nYou may return what you bought within thirty days.\n\nRefunds go to the card that paid.",
    "deep/parcel.md": "A parcel that has not come after ten days is lost. We send another.",
    "shop.md": "We sell lamps, kettles and größere Körbe.",
}


def search(tmp_path, model, question):
    """Return what the code of lesson 06 prints and finds over TEXTS."""
    for name, text in TEXTS.items():
        (tmp_path / "texts" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "texts" / name).write_text(text, encoding="utf-8")
    source = turn_dials(SECTIONS["06"].block, FOLDER=str(tmp_path / "texts"), QUESTION=question, MODEL=str(model))
    names = {"__name__": "__main__"}
    exec(compile(source, "take it to work", "exec"), names)
    return names


def test_two_searches_and_their_fusion_over_a_folder(tmp_path, qwen, capsys):
    found = search(tmp_path, qwen.base, "Which card paid?")
    printed = capsys.readouterr().out
    assert len(found["passages"]) == 5 and "by words\n  money.md: Refunds go to the card that paid." in printed
    assert sorted(found["by_meaning"]) == sorted(found["fused"]) == list(range(5)) and "fused\n" in printed
    hits = [[retrieval.Hit(number, 1.0) for number in found[name]] for name in ("by_words", "by_meaning")]
    assert found["fused"] == [hit.document for hit in retrieval.fuse(hits)]


@pytest.mark.skipif(not embedder.is_here(), reason=f"the embedder is not here; {embedder.COMMAND}")
def test_its_vectors_are_the_librarys(tmp_path):
    found = search(tmp_path, embedder.folder(), "My package never arrived.")
    assert found["passages"][found["by_meaning"][0]][0] == "parcel.md"
    texts = [text for _, text in found["passages"]]
    mine = embedder.embed(*embedder.load_embedder(), texts)
    assert torch.allclose(found["vectors"], torch.tensor(mine), atol=1e-5)


# ---- lesson 15: the base in four bits ----


def check_four_bits(model, place):
    """Raise AssertionError unless every linear layer but the head is in NF4, doubly quantized, and as it was loaded."""
    from bitsandbytes.nn import Linear4bit

    layers = {name: m for name, m in model.get_base_model().named_modules() if isinstance(m, Linear4bit)}
    assert {name.replace(".base_layer", "") for name in layers} == set(linear_layers(place.load()))
    fresh = dict(place.load(quantization_config=NF4, dtype=torch.bfloat16).named_modules())
    for name, layer in layers.items():
        state = layer.weight.quant_state
        assert (state.quant_type, state.nested, layer.compute_dtype) == ("nf4", True, torch.bfloat16)
        assert torch.equal(layer.weight.cpu(), fresh[name.replace(".base_layer", "")].weight.cpu()), "the base moved"


NF4 = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.bfloat16,
)


def quantized(**more):
    """Return how QLoRA is trained here: in bfloat16, on one row at a time."""
    return {**HOW, "num_train_epochs": 12, "per_device_train_batch_size": 1, "logging_steps": 3, **more}


@pytest.mark.slow
def test_qlora_trains_over_a_base_in_four_bits(blocks, form, eager):
    run = blocks.run(getattr(SECTIONS["15"], form), HOW=quantized())
    run.check_loss_is_on(LAST_ANSWERS)
    run.check_loss_falls()
    (trainer,) = run.trainers
    check_four_bits(trainer.model, blocks)
    assert trainer.model.is_gradient_checkpointing
    moving = {p.dtype for p in trainer.model.parameters() if p.requires_grad}
    assert moving == {torch.float32 if form == "block" else torch.bfloat16}
    run.check_saved(quantization_config=NF4, dtype=torch.bfloat16, tolerance=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("change", [('"nf4"', '"fp4"'), ("double_quant=True", "double_quant=False")])
def test_other_rounding_is_noticed(blocks, change, eager):
    assert change[0] in SECTIONS["15"].block
    run = blocks.run(SECTIONS["15"].block.replace(*change), HOW=quantized(num_train_epochs=1))
    with pytest.raises(AssertionError):
        check_four_bits(run.trainers[0].model, blocks)


# ---- lesson 17: a merged model is served, and asked beside torch ----


@pytest.mark.slow
def test_a_merged_model_is_served_and_says_what_torch_says(tmp_path, monkeypatch):
    pytest.importorskip("xllamacpp")
    pytest.importorskip("openai")
    from peft import LoraConfig, get_peft_model

    from spectrum import export
    from spectrum.serve import start

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place, servers = Place(tmp_path, "qwen3", THINKING, hidden=64), []
    torch.manual_seed(0)
    adapted = get_peft_model(place.load(), LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "adapter")

    def serve_what_was_merged(asked):
        assert str(place.out) in asked
        model = AutoModelForCausalLM.from_pretrained(place.out)
        file = export.write_gguf(model, place.tokenizer(), tmp_path / "model.gguf", "f32")
        servers.append(start(file, port=port))

    monkeypatch.setattr("builtins.input", serve_what_was_merged)
    place.write([chat(*messages, "") for messages in (["Is the lantern blue?"], ["größe 東京"], ["Order 4821!"])])
    dials = {"ADAPTER": str(tmp_path / "adapter"), "URL": f"http://127.0.0.1:{port}/v1", "MOST": 6}
    run = place.run(SECTIONS["17"].block, **dials)
    assert run.printed.startswith("3 chats: 3 answers as in torch, 0 right"), run.printed
    # Merged over the base that the adapter was trained on, and nothing else.
    wanted = logits(adapted.eval(), place.tokenizer())
    assert torch.allclose(logits(AutoModelForCausalLM.from_pretrained(place.out), place.tokenizer()), wanted, atol=1e-4)


# ---- lesson 16: as many processes as there are, killed and resumed ----

FOUR_STEPS = {"gradient_accumulation_steps": 2, "learning_rate": 1e-2, "max_steps": 4, "eval_steps": 2, "save_steps": 2}


# On some processors bitsandbytes computes in bfloat16 from the first evaluation on, whatever it was told.
EXACTLY = """
for layer in base.modules():
    if hasattr(layer, "support_avx512bf16_for_cpu"):
        layer.support_avx512bf16_for_cpu = False
"""


def launch(place, processes, **how):
    """Run lesson 16's script by accelerate in so many processes; return in how many it ran."""
    dials = {"MODEL": str(place.base), "DATA": str(place.file), "OUT": str(place.out), "HOW": FOUR_STEPS | how}
    source = turn_dials(SECTIONS["16"].block, **dials)
    head, found, tail = source.partition("\nmodel = get_peft_model(")
    assert found
    script = place.folder / "tune.py"
    script.write_text(f"{head}{EXACTLY}{found}{tail}\nprint('processes:', PartialState().num_processes)")
    several = (
        ["--multi_gpu"] if processes > 1 else []
    )  # the way of several GPUs; without one, the processes take the CPU
    command = [sys.executable, "-m", "accelerate.commands.launch", *several, "--num_processes", str(processes),
               "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", str(script)]  # fmt: skip
    env = os.environ | {"TORCH_COMPILE_DISABLE": "1", "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"processes: (\d)", done.stdout)[1])


def adapter_of(folder):
    """Return {name: numbers} of a saved adapter."""
    from safetensors.torch import load_file

    return load_file(folder / "adapter_model.safetensors")


def together(one, other):
    """Return the largest difference of two adapters, as a share of the largest number."""
    assert one.keys() == other.keys()
    most = max(numbers.abs().max() for numbers in one.values())
    return max((one[name] - other[name]).abs().max() / most for name in one).item()


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_a_killed_run_goes_on(tmp_path):
    place = Place(tmp_path, "qwen3", THINKING, hidden=192)
    place.write(CHATS * 4 + CHATS[:1])  # sixteen to train on, one held out
    assert launch(place, 2) == 2
    two = adapter_of(place.out)
    assert max(numbers.abs().max() for name, numbers in two.items() if "lora_B" in name) > 1e-3, "it has learned"
    assert {path.name for path in place.out.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
    # Killed after its first checkpoint: started again, it ends with the same adapter.
    shutil.rmtree(place.out / "checkpoint-4")
    (place.out / "adapter_model.safetensors").unlink()
    assert launch(place, 2) == 2
    assert together(two, adapter_of(place.out)) < 1e-5
    # One process with twice the parts has the same batches.
    shutil.rmtree(place.out)
    assert launch(place, 1, gradient_accumulation_steps=4) == 1
    assert together(two, adapter_of(place.out)) < 0.05
