"""What memory is in use: the peak of a process and of tensors, and what stays from step to step."""

import os

import pytest
import torch

from spectrum.memory import bytes_of, forget_peak, free_memory, held_by, peak_memory, peak_of_tensors


def test_the_peak_of_tensors_is_what_was_there_at_once():
    def call():
        first = torch.ones(1000, 250)  # a million bytes
        second = first + 1  # two at once
        del first
        (second + 1).sum()

    assert peak_of_tensors(call, "cpu") == pytest.approx(2_000_000, rel=0.01)
    assert peak_of_tensors(lambda: None, "cpu") == 0


def test_what_was_there_before_does_not_count():
    kept = torch.ones(1000, 250)
    assert peak_of_tensors(lambda: kept.sum(), "cpu") < 10_000


def test_the_profiler_is_quiet(capfd):
    peak_of_tensors(lambda: torch.ones(3), "cpu")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="this system cannot forget a peak")
def test_the_peak_of_a_process_stays_and_can_be_forgotten():
    block = torch.ones(40_000_000)
    high = peak_memory(os.getpid())
    del block
    assert peak_memory(os.getpid()) >= 0.99 * high  # the system counts in steps
    forget_peak()
    assert peak_memory(os.getpid()) < high


def test_shared_memory_counts_once():
    whole = torch.zeros(1000)
    assert bytes_of([whole, whole[:10], whole.view(10, 100)]) == 4000


def test_what_stays_is_weights_and_moments():
    layer = torch.nn.Linear(10, 20)
    optimizer = torch.optim.AdamW(layer.parameters())
    assert held_by(layer, optimizer) == 4 * 220
    layer(torch.ones(10)).sum().backward()
    optimizer.step()
    steps = 2 * 4  # a counter for each parameter
    assert held_by(layer, optimizer) == 3 * 4 * 220 + steps


def test_free_memory_is_this_computers():
    assert free_memory("cpu") > 1e8
