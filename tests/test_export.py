"""Exported models: what the file holds, and that llama.cpp says with it what torch says, where there is no torch."""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tiny import make_tiny
from transformers import AutoModelForCausalLM, AutoTokenizer

from spectrum import export
from spectrum.models import load_model
from spectrum.shop.scoring import items_of

EDGES = " \n\ufffd"
WHOLE = dict(task_type="CAUSAL_LM", target_modules="all-linear")
# What llama.cpp answers to each question, by the ordinary client of OpenAI's: runs in an environment of its own.
SERVER = """
import importlib.util, json, sys
assert not any(importlib.util.find_spec(name) for name in ("torch", "transformers", "spectrum")), "there is torch"
import openai, xllamacpp
task = json.load(sys.stdin)
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.verbosity = task["model"], 1024, 1, -1
params.cpuparams.n_threads, params.warmup = 1, False
params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in task["adapters"]]
server = xllamacpp.Server(params)
client, said = openai.OpenAI(base_url=server.listening_address + "/v1", api_key="none"), []
for scale in task["scales"]:
    lora = [{"id": number, "scale": scale} for number in range(len(task["adapters"]))]
    for question in task["questions"]:
        answer = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": question}], max_tokens=task["most"], temperature=0,
            extra_body={"lora": lora, "cache_prompt": False})
        said.append((answer.choices[0].message.content, answer.usage.prompt_tokens))
print("FOUND", json.dumps({"said": said, "address": server.listening_address}))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A folder of packages with everything that is installed but torch, and what needs it."""
    pytest.importorskip("xllamacpp")
    folder, site = tmp_path_factory.mktemp("bare"), Path(sysconfig.get_path("purelib"))
    for entry in site.iterdir():
        if not entry.name.lower().startswith(
            ("torch", "functorch", "transformers", "peft", "__editable__", "customiz")
        ):
            (folder / entry.name).symlink_to(entry)
    return folder


def ask(bare, model, questions, most=24, adapters=(), scales=(1.0,)):
    """Return {"said": [(answer, tokens of the prompt)], "address"} of a model's file, without torch."""
    task = {"model": str(model), "questions": questions, "most": most, "adapters": list(map(str, adapters)),
            "scales": scales}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-S", "-c", SERVER], input=json.dumps(task), capture_output=True, text=True, timeout=600,
        env={"PYTHONPATH": str(bare), "PATH": ""}, cwd=bare)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.split("FOUND ")[1])


def answers(model, tokenizer, questions, most=24):
    """Return [(torch's greedy answer, tokens of the prompt)] to each question alone."""
    found, ends = [], model.generation_config.eos_token_id
    for question in questions:
        chat = [{"role": "user", "content": question}]
        ids = torch.tensor([tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)])
        with torch.no_grad():
            out = model.generate(input_ids=ids, max_new_tokens=most, do_sample=False, eos_token_id=ends,
                                 pad_token_id=tokenizer.pad_token_id)  # fmt: skip
        found.append((tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True), ids.shape[1]))
    return found


def agreeing(said, wanted):
    """Return how many answers are the same but for their edges; all prompts must have the same tokens.

    Edges are spaces, and the first bytes of a letter that was cut off, which llama.cpp leaves out.
    """
    assert [tokens for _, tokens in said] == [tokens for _, tokens in wanted]
    return sum(one.strip(EDGES) == other.strip(EDGES) for (one, _), (other, _) in zip(said, wanted, strict=True))


@pytest.fixture(scope="module")
def instruct():
    return load_model("instruct", dtype="float32")


# ---- what the file holds ----


@pytest.mark.parametrize("tied", [True, False])
def test_file_read_by_transformers_gives_every_weight_and_token_back(tmp_path, tied):
    folder = make_tiny(tmp_path / "tiny", hidden=64)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    if not tied:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(torch.randn_like(model.lm_head.weight))
    export.write_gguf(model, tokenizer, tmp_path / "tiny.gguf", "f32")
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ""] == ["tiny.gguf"], "no part is left behind"
    again = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="tiny.gguf", dtype=torch.float32)
    wanted = dict(model.named_parameters())
    assert wanted.keys() == dict(again.named_parameters()).keys()
    for name, parameter in again.named_parameters():
        assert torch.equal(parameter, wanted[name]), name
    ids = torch.tensor([tokenizer("Order 4821: Naïve café, 東京 🙂")["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(model(ids).logits, again(ids).logits, atol=1e-5)


def test_sizes_of_the_kinds(instruct, tmp_path):
    sizes = {kind: export.write_gguf(*instruct, tmp_path / kind, kind).stat().st_size for kind in export.KINDS}
    bits = {"f16": 16, "q8_0": 8.5, "q4_0": 4.5}  # a constant of 16 bits for 32 weights
    matrices = sum(p.numel() for p in instruct[0].parameters() if p.ndim > 1)
    for kind, each in bits.items():
        assert sizes["f32"] - sizes[kind] == pytest.approx(matrices * (32 - each) / 8, rel=0.001)


# ---- what llama.cpp says with it ----


def test_lumen_in_16_bits_says_without_torch_what_it_says_in_torch(instruct, bare, tmp_path):
    questions = [item.input for item in items_of(("fact", "city", "product", "order"), 200)]
    wanted = answers(*instruct, questions)
    for kind in ("f32", "f16"):
        found = ask(bare, export.write_gguf(*instruct, tmp_path / kind, kind), questions)
        assert agreeing(found["said"], wanted) >= 0.95 * len(questions), kind
        assert found["address"].startswith("http://127.0.0.1:")


def test_base_and_adapter_stand_side_by_side_at_one_address(instruct, bare, tmp_path):
    questions = [item.input for item in items_of(("fact", "order"), 60)]
    before = answers(*instruct, questions)
    model, tokenizer = load_model("instruct", dtype="float32")
    torch.manual_seed(0)
    adapted = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=10, use_rslora=True, rank_pattern={"q_proj": 2}, **WHOLE)
    )
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            parameter.data = 0.08 * torch.randn_like(parameter)
    after = answers(adapted, tokenizer, questions)
    assert sum(one != other for one, other in zip(before, after, strict=True)) > 10, "the adapter changes answers"
    base = export.write_gguf(*instruct, tmp_path / "base.gguf", "f32")
    lora = export.write_gguf_adapter(adapted, tmp_path / "lora.gguf")
    said = ask(bare, base, questions, adapters=[lora], scales=[1.0, 0.0])["said"]
    assert agreeing(said[: len(questions)], after) >= 0.95 * len(questions)
    assert agreeing(said[len(questions) :], before) >= 0.95 * len(questions)
    merged = export.write_gguf(adapted.merge_and_unload(), tokenizer, tmp_path / "merged.gguf", "f32")
    assert agreeing(ask(bare, merged, questions)["said"], after) >= 0.95 * len(questions)


@pytest.mark.slow
def test_smollm2_in_16_bits_says_without_torch_what_it_says_in_torch(bare, tmp_path):
    from spectrum import smollm2

    if not smollm2.is_here():
        pytest.skip(smollm2.COMMAND)
    model, tokenizer = load_model("smollm2", dtype="float32")
    questions = [item.input for item in items_of(("fact", "city"), 12)]
    found = ask(bare, export.write_gguf(model, tokenizer, tmp_path / "smollm2.gguf", "f16"), questions, most=8)
    assert agreeing(found["said"], answers(model, tokenizer, questions, most=8)) >= 0.8 * len(questions)


def test_a_qwen3_says_without_torch_what_it_says_in_torch(bare, tmp_path):
    folder = make_tiny(tmp_path / "tiny", architecture="qwen3", hidden=64)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    questions = ["Is the lantern blue?", "Order 4821 is late!", "größe 東京"]
    found = ask(bare, export.write_gguf(model, tokenizer, tmp_path / "tiny.gguf", "f32"), questions, most=8)
    assert agreeing(found["said"], answers(model, tokenizer, questions, most=8)) == 3


# ---- what cannot be written ----


def test_what_cannot_be_written_is_refused_with_what_to_do(instruct, tmp_path):
    model, tokenizer = load_model("instruct")
    path = tmp_path / "model.gguf"
    with pytest.raises(ValueError, match="'q5_k' is no kind; there are f32, f16, q8_0, q4_0"):
        export.write_gguf(model, tokenizer, path, "q5_k")
    model.config.model_type = "mamba"
    with pytest.raises(ValueError, match="architecture 'mamba' cannot be written here, only llama, qwen3"):
        export.write_gguf(model, tokenizer, path)
    model.config.model_type = "llama"
    with pytest.raises(ValueError, match="the model has 0 adapters, wanted one LoRA"):
        export.write_gguf_adapter(model, path)
    adapted = get_peft_model(model, LoraConfig(r=2, **WHOLE))
    with pytest.raises(ValueError, match="Merge it first"):
        export.write_gguf(adapted, tokenizer, path)
    adapted.add_adapter("other", LoraConfig(r=2, **WHOLE))
    with pytest.raises(ValueError, match="has 2 adapters, wanted one"):
        export.write_gguf_adapter(adapted, path)
    assert list(tmp_path.iterdir()) == []


MORE = {
    "dora": {"use_dora": True},
    "biases": {"bias": "all"},
    "a whole head": {"modules_to_save": ["lm_head"]},
    "a bias of B": {"lora_bias": True, "target_modules": ["q_proj"]},
    "embeddings": {"target_modules": ["q_proj", "embed_tokens"]},
    "tokens": {"trainable_token_indices": [3, 4]},
}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
@pytest.mark.parametrize("loaded", [False, True], ids=["trained", "loaded to be used"])
def test_an_adapter_that_is_more_than_a_and_b_is_refused(more, loaded, tmp_path):
    adapted = get_peft_model(load_model("instruct")[0], LoraConfig(r=2, **{**WHOLE, **more}))
    if loaded:
        adapted.save_pretrained(tmp_path / "adapter")
        adapted = PeftModel.from_pretrained(load_model("instruct")[0], tmp_path / "adapter")
    with pytest.raises(ValueError, match="A and B of a LoRA and nothing else. Merge this adapter"):
        export.write_gguf_adapter(adapted, tmp_path / "lora.gguf")


def test_splits_are_known_by_what_they_do():
    from tokenizers import Regex, pre_tokenizers
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    tokenizer = load_model("instruct")[1].backend_tokenizer
    assert export.split_of(json.loads(tokenizer.to_str())) == "smollm"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])  # fmt: skip
    assert export.split_of(json.loads(tokenizer.to_str())) == "qwen2"
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert export.split_of(json.loads(tokenizer.to_str())) == "gpt-2"


def test_positions_and_splits_that_would_be_read_otherwise_are_refused(instruct, tmp_path):
    from tokenizers import pre_tokenizers

    model, tokenizer = load_model("instruct")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), byte_level])
    with pytest.raises(ValueError, match="splits text in a way that is not known here"):
        export.write_gguf(model, tokenizer, tmp_path / "model.gguf")
    model.config.rope_parameters["rope_type"] = "llama3"
    with pytest.raises(ValueError, match="positions are turned by 'llama3'"):
        export.write_gguf(model, instruct[1], tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()


def test_weights_in_four_bits_and_rows_that_fit_no_block_are_refused(tmp_path):
    from transformers import BitsAndBytesConfig

    folder = make_tiny(tmp_path / "tiny", hidden=64)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    packed = AutoModelForCausalLM.from_pretrained(folder, quantization_config=BitsAndBytesConfig(load_in_4bit=True))
    with pytest.raises(ValueError, match="packed by bitsandbytes. Load the base in 16 or 32 bits"):
        export.write_gguf(packed, tokenizer, tmp_path / "model.gguf")
    narrow = AutoModelForCausalLM.from_pretrained(make_tiny(tmp_path / "narrow", hidden=48))
    with pytest.raises(ValueError, match='rows of 48 weights, and q8_0 rounds blocks of 32. Take kind="f16"'):
        export.write_gguf(narrow, tokenizer, tmp_path / "model.gguf", "q8_0")


def test_a_tokenizer_that_is_not_byte_level_is_refused(instruct, tmp_path):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]", eos_token="a")
    with pytest.raises(ValueError, match="only byte-level BPE tokenizers"):
        export.write_gguf(instruct[0], tokenizer, tmp_path / "model.gguf")
    assert not (tmp_path / "model.gguf").exists()
