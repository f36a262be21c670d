"""What `train` does to save time and memory changes no gradient: the head at the labels only, parts, recomputation."""

import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from zoo import ZOO, make_animal

from spectrum import losses
from spectrum.examples import pack, tokenize_rows
from spectrum.train import train

HEADLESS = ("mamba",)  # its answers do not depend on the batch alone: tested as it is, without packing


def rows(count=6):
    return [{"prompt": f"Where is it{' now' * (i % 4)}? {i}", "completion": f"In {i} and Oslo."} for i in range(count)]


def gradients(model):
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def backward(model, batch, head):
    """Returns (loss, gradients) of one batch, with the head computed at the labels only where one is given."""
    model.zero_grad(set_to_none=True)
    loss = losses.batch_loss(model, batch, head)
    loss.backward()
    return loss.item(), gradients(model)


@pytest.mark.parametrize("name", ZOO)
def test_the_head_at_the_labels_gives_the_models_own_loss_and_gradients(name):
    model, tokenizer = make_animal(name)
    model.requires_grad_(True)
    together = name not in HEADLESS
    batch = pack(tokenize_rows(tokenizer, rows(), chat=False), 64, together)
    (whole, wanted), (found, got) = (backward(model, batch, h) for h in (None, model.get_output_embeddings()))
    assert found == pytest.approx(whole, rel=1e-5) and wanted.keys() == got.keys()
    for n, gradient in wanted.items():
        assert torch.allclose(got[n], gradient, rtol=1e-3, atol=1e-5 * float(gradient.abs().max() + 1)), n


def test_the_head_sees_as_many_tokens_as_there_are_labels():
    model, tokenizer = make_animal("qwen3")
    batch, seen = pack(tokenize_rows(tokenizer, rows(), chat=False), 64), []
    model.get_output_embeddings().register_forward_hook(lambda head, given, made: seen.append(tuple(made.shape)))
    losses.batch_loss(model, batch, model.get_output_embeddings())
    assert seen == [(1, losses.count_labels(batch), model.config.vocab_size)]


def test_only_a_large_head_is_computed_at_the_labels(monkeypatch):
    model, _ = make_animal("qwen3")
    assert losses.large_head(model) is None
    monkeypatch.setattr(losses, "LARGE_VOCABULARY", 100)
    assert losses.large_head(model) is model.get_output_embeddings()
    tuned = get_peft_model(copy.deepcopy(model), LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    assert losses.large_head(tuned) is tuned.get_output_embeddings() is not None


def test_a_head_that_cannot_be_taken_apart_is_left_to_the_model(monkeypatch):
    from peft import PromptTuningConfig

    monkeypatch.setattr(losses, "LARGE_VOCABULARY", 100)
    mixture, _ = make_animal("mixtral", output_router_logits=True)  # its loss has a term of the router's
    assert losses.large_head(mixture) is None
    plain, _ = make_animal("qwen3")
    assert losses.large_head(get_peft_model(plain, PromptTuningConfig("CAUSAL_LM", num_virtual_tokens=3))) is None


def run(**options):
    """Returns (losses, weights) of three steps on a tiny model."""
    model, tokenizer = make_animal("qwen3")
    model.requires_grad_(True)
    records = train(model, tokenize_rows(tokenizer, rows(), chat=False), steps=3, batch_size=5, lr=1e-3, **options)
    return [r["loss"] for r in records], dict(model.named_parameters())


@pytest.mark.parametrize("options", [{"accumulate": 2}, {"accumulate": 5}, {"recompute": True}])
def test_parts_and_recomputation_end_with_the_same_weights(options):
    (losses, weights), (others, found) = run(), run(**options)
    assert others == pytest.approx(losses, rel=1e-4)
    for name, weight in weights.items():
        # Adam divides by the gradient's size, so a rounding of a gradient near zero moves a weight visibly.
        assert torch.allclose(found[name], weight, atol=5e-4), name
        assert (found[name] - weight).abs().mean() < 1e-5, name


def keep_size(sizes):
    """Returns a hook that notes the size of each tensor that is kept for the way back."""
    return lambda tensor: sizes.append(tensor.numel()) or tensor


def test_recomputation_keeps_less_and_is_off_afterwards():
    kept = {}
    for recompute in (False, True):
        model, tokenizer = make_animal("qwen3", num_hidden_layers=6)
        model.requires_grad_(True)
        sizes = kept.setdefault(recompute, [])
        examples = tokenize_rows(tokenizer, rows(), chat=False)
        with torch.autograd.graph.saved_tensors_hooks(keep_size(sizes), lambda t: t):
            train(model, examples, steps=1, batch_size=6, recompute=recompute)
        assert not model.is_activation_checkpointing
    assert sum(kept[True]) < sum(kept[False])


@pytest.mark.parametrize("accumulate", [0, 9, -1])
def test_parts_beyond_the_batch_are_refused(accumulate):
    model, tokenizer = make_animal("qwen3")
    with pytest.raises(ValueError, match="accumulate must be from 1 to batch_size=8"):
        train(model, tokenize_rows(tokenizer, rows(), chat=False), steps=1, batch_size=8, accumulate=accumulate)
