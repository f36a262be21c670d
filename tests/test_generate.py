"""Generation: against transformers' own `generate` and a slow loop over the plain model; and every error."""

import numpy as np
import pytest
import torch
from tiny import make_model, make_tokenizer

from spectrum.generate import answer_logprobs, complete, encode, next_token_table

CHAT = [{"role": "system", "content": "You are brief."}, {"role": "user", "content": "Where is order 4821?"}]
# Lengths from 1 to 90 tokens, so that rows of one batch carry very different padding.
PROMPTS = [
    "Mira from",
    "H",
    "Order 4821 arrived late, and one lamp is",
    CHAT,
    "größe 東京 🙂 " * 6,
    "The kettle",
    "x y " * 30,
]


@torch.inference_mode()
def greedy_loop(model, tokenizer, prompt, max_new_tokens):
    """The oracle: the whole text through the model for every token, no batch, no cache, no padding."""
    ids, new = encode(tokenizer, prompt), []
    for _ in range(max_new_tokens):
        token = int(model(torch.tensor([ids + new])).logits[0, -1].argmax())
        if token in model.generation_config.eos_token_id:
            break
        new.append(token)
    return tokenizer.decode(new, skip_special_tokens=True)


@torch.inference_mode()
def slow_logprob(model, tokenizer, prompt, answer):
    """The oracle: one forward pass per answer token, no batch, no padding."""
    ids, total = encode(tokenizer, prompt), 0.0
    for token in tokenizer(answer, add_special_tokens=False)["input_ids"]:
        total += float(model(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)[token])
        ids = [*ids, token]
    return total


def test_encode_adds_what_the_tokenizer_adds(tiny, tiny_qwen):
    _, llama = tiny
    assert encode(llama, "Hi")[0] == llama.bos_token_id
    assert llama.decode(encode(llama, CHAT)).endswith("4821?<|end|><|assistant|>")
    assert encode(llama, CHAT).count(llama.bos_token_id) == 1
    _, qwen = tiny_qwen
    assert qwen.decode(encode(qwen, "Hi")) == "Hi"
    assert qwen.decode(encode(qwen, CHAT)).endswith("4821?<|im_end|>\n<|im_start|>assistant\n")


def test_greedy_equals_a_plain_loop(pair):
    expected = [greedy_loop(*pair, prompt, 16) for prompt in PROMPTS]
    assert complete(*pair, PROMPTS, max_new_tokens=16) == expected


def test_greedy_equals_generate(pair):
    model, tokenizer = pair
    for prompt, answer in zip(PROMPTS, complete(model, tokenizer, PROMPTS, max_new_tokens=16), strict=True):
        ids = torch.tensor([encode(tokenizer, prompt)])
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False)
        assert answer == tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


@pytest.mark.parametrize("sampling", [{}, {"temperature": 1.3, "top_p": 0.95, "seed": 3}])
@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_the_batch_does_not_change_the_answers(pair, sampling, batch_size):
    together = complete(*pair, PROMPTS, max_new_tokens=20, batch_size=64, **sampling)
    assert complete(*pair, PROMPTS, max_new_tokens=20, batch_size=batch_size, **sampling) == together
    assert len(set(together)) == len(PROMPTS), "answers all alike would hide a mix-up of rows"


@pytest.fixture
def restless():
    """(model, tokenizer) whose answers end at very different lengths: a third of the vocabulary ends them."""
    tokenizer = make_tokenizer()
    model = make_model(tokenizer, seed=5)
    model.generation_config.eos_token_id = [*range(0, 400, 12), tokenizer.convert_tokens_to_ids("<|end|>")]
    return model, tokenizer


def test_weights_in_32_bits_answer_under_autocast_in_16(restless):
    """As after full fine-tuning where bfloat16 is fast: keys and values differ in their format there."""
    model, tokenizer = restless
    assert model.dtype == torch.float32 and complete(model, tokenizer, PROMPTS[:1], max_new_tokens=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = complete(model, tokenizer, PROMPTS, max_new_tokens=6, batch_size=4)
        alone = complete(model, tokenizer, PROMPTS, max_new_tokens=6, batch_size=1)
    assert len(found) == len(alone) == len(PROMPTS) and any(found)


def test_finished_rows_leave_the_batch_and_the_others_go_on(restless):
    prompts = [f"Order {number} from Mira" for number in range(40)]
    expected = [greedy_loop(*restless, prompt, 24) for prompt in prompts]
    assert complete(*restless, prompts, max_new_tokens=24) == expected
    lengths = [len(restless[1](answer, add_special_tokens=False)["input_ids"]) for answer in expected]
    assert min(lengths) < 6 and max(lengths) > 12, "the case must have early and late rows"


def test_long_batches_are_read_in_slices(tiny):
    prompts = [f"Order {number} " + "late and broken " * 20 for number in range(30)]  # 30 × ~200 tokens > 1024
    assert complete(*tiny, prompts, max_new_tokens=6) == complete(*tiny, prompts, max_new_tokens=6, batch_size=1)


def test_stop_cuts_the_answer_and_ends_the_row(pair):
    model, tokenizer = pair
    whole = complete(model, tokenizer, PROMPTS, max_new_tokens=24)
    for stop in [whole[0][3], whole[2][4:7], "\n"]:
        cut = complete(model, tokenizer, PROMPTS, max_new_tokens=24, stop=stop)
        assert cut == [text.split(stop)[0] for text in whole]
        assert not any(stop in text for text in cut)
    steps = []
    handle = model.register_forward_hook(lambda *_: steps.append(1))
    complete(model, tokenizer, PROMPTS[:1], max_new_tokens=24, stop=whole[0][0])
    handle.remove()
    assert len(steps) < 6


def test_padding_side_and_a_missing_pad_token_do_not_matter(tiny):
    model, _ = tiny
    tokenizer = make_tokenizer()
    expected = complete(*tiny, PROMPTS, max_new_tokens=8)
    for side in ["right", "left"]:
        tokenizer.padding_side, tokenizer.pad_token = side, None
        assert complete(model, tokenizer, PROMPTS, max_new_tokens=8) == expected


def test_sampling_follows_its_seed_and_leaves_the_random_state_alone(tiny):
    before = torch.random.get_rng_state()
    first, again, other = (complete(*tiny, ["Mira"] * 6, temperature=1.0, seed=seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len(set(first)) == 6, "the same prompt six times must give six draws"
    assert torch.equal(torch.random.get_rng_state(), before)


def test_sampled_tokens_come_as_often_as_they_are_likely(tiny):
    model, tokenizer = tiny
    table = next_token_table(model, tokenizer, "Mira", top=400, temperature=1.5)
    n = 4000
    drawn = complete(*tiny, ["Mira"] * n, max_new_tokens=1, temperature=1.5, batch_size=500, progress=False)
    texts = [tokenizer.decode([token], skip_special_tokens=True) for token in table.token_id]  # "" ends an answer
    likely = [text for text in texts[:15] if text and "\ufffd" not in text]
    assert len(likely) > 5
    for text in likely:
        p = sum(table.probability[[t == text for t in texts]])
        # four standard errors: a right sampler fails once in 16,000
        assert abs(drawn.count(text) / n - p) < 4 * np.sqrt(p / n)


def test_top_p_keeps_the_smallest_set_that_reaches_it(tiny):
    table = next_token_table(*tiny, "Mira", top=400)
    p = float(table.cumulative[2]) - 1e-4  # two tokens fall short, the third reaches it
    drawn = set(complete(*tiny, ["Mira"] * 600, max_new_tokens=1, temperature=1.0, top_p=p, batch_size=300))
    model, tokenizer = tiny
    expected = {tokenizer.decode([token], skip_special_tokens=True) for token in table.token_id[:3]}
    assert drawn == expected
    greedy = complete(*tiny, ["Mira"], temperature=0)
    assert complete(*tiny, ["Mira"], temperature=5.0, top_p=1e-9) == greedy
    assert complete(*tiny, ["Mira"], temperature=1e-30) == greedy


def test_no_prompts_no_answers(tiny):
    assert complete(*tiny, []) == []


def test_progress_bar(tiny, capfd):
    complete(*tiny, ["Hi"], max_new_tokens=1)
    complete(*tiny, ["Hi"], max_new_tokens=1, progress=False)
    assert capfd.readouterr().err == ""
    complete(*tiny, ["Hi"], max_new_tokens=1, progress=True)
    assert "1/1" in capfd.readouterr().err


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"max_new_tokens": -3}, "max_new_tokens is -3"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"top_p": 0}, "top_p is 0"),
        ({"top_p": 1.1}, "top_p is 1.1"),
        ({"stop": ""}, "stop is the empty string"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"prompts": "Hi"}, r"one str.*\[prompt\]"),
        ({"prompts": CHAT}, r"one list of messages.*\[messages\]"),
        ({"prompts": ["Hi", "  "]}, r"prompts\[1\]: The prompt is empty"),
        ({"prompts": ["Hi", []]}, r"prompts\[1\]: The prompt is an empty list"),
        ({"prompts": [[{"role": "user", "content": " "}]]}, r"prompts\[0\]: Message 0 \(role 'user'\) has no content"),
        ({"prompts": [[{"role": "user", "content": None}]]}, "has no content"),
        ({"prompts": [[{"role": "user"}]]}, "'role' and 'content'"),
    ],
)
def test_bad_arguments_are_named(tiny, changes, message):
    with pytest.raises(ValueError, match=message):
        complete(*tiny, **({"prompts": ["Hi"]} | changes))


def test_prompt_longer_than_the_context(tiny):
    _, tokenizer = tiny
    long = "a b " * 600
    tokens = len(encode(tokenizer, long))
    with pytest.raises(ValueError, match=rf"prompts\[1\] has {tokens} tokens.*context of 1024.*by {tokens - 992} tok"):
        complete(*tiny, ["Hi", long], max_new_tokens=32)
    exact = tokenizer.decode(encode(tokenizer, long)[1:1016])
    room = 1024 - len(encode(tokenizer, exact))
    complete(*tiny, [exact], max_new_tokens=room)  # the last token that fits
    with pytest.raises(ValueError, match="by 1 tokens"):
        complete(*tiny, [exact], max_new_tokens=room + 1)


def test_messages_need_a_chat_template(tiny):
    with pytest.raises(ValueError, match="no chat template"):
        complete(tiny[0], make_tokenizer(chat=False), [CHAT])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["LoraConfig", "PromptTuningConfig", "PrefixTuningConfig"])
def test_adapters_answer_as_peft_lets_them(kind):
    import peft

    tokenizer = make_tokenizer()
    extra = {"init_lora_weights": False} if kind == "LoraConfig" else {"num_virtual_tokens": 4}
    torch.manual_seed(0)
    model = peft.get_peft_model(make_model(tokenizer), getattr(peft, kind)(task_type="CAUSAL_LM", **extra)).eval()
    prompts = [prompt for prompt in PROMPTS if isinstance(prompt, str)]
    answers = complete(model, tokenizer, prompts, max_new_tokens=12)
    assert answers == complete(model, tokenizer, prompts, max_new_tokens=12, batch_size=1)
    assert answers != complete(make_model(tokenizer), tokenizer, prompts, max_new_tokens=12), "the adapter must matter"
    for prompt, answer in zip(prompts, answers, strict=True):
        inputs = tokenizer(prompt, return_tensors="pt")
        out = model.generate(**inputs, max_new_tokens=12, do_sample=False)
        assert answer == tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    given = [" late"] * len(prompts)
    expected = [slow_logprob(model, tokenizer, prompt, " late") for prompt in prompts]
    np.testing.assert_allclose(answer_logprobs(model, tokenizer, prompts, given), expected, atol=5e-4)
