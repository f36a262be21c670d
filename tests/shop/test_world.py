"""The invented shop: text splits, determinism, and facts that are uniform and independent."""

import hashlib
import math
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import reader
from scipy.stats import chisquare

from spectrum.shop import tasks, world

ROOT = Path(__file__).parents[2]
PRODUCTS = world.catalogue()


# ---- splits ----


def test_text_splits_are_a_function_of_the_text():
    counts = Counter(world.split_of(f"text {i}") for i in range(8000))
    assert chisquare([counts[s] for s in world.SPLITS], [6000, 1000, 1000]).pvalue > 1e-4
    assert [world.split_of(t) for t in ("", "lamp", "größe")] == ["train", "dev", "train"]  # the same on every machine


# ---- determinism ----


def everything():
    """Returns a checksum of products and planted facts."""
    parts = [world.catalogue(), world.planted_facts(50, seed=3)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def test_the_world_is_a_function_of_its_seed():
    assert everything() == everything()
    assert world.catalogue(0) == PRODUCTS != world.catalogue(1)
    assert world.planted_facts(9, seed=0) != world.planted_facts(9, seed=1)


def test_the_world_does_not_depend_on_the_hash_seed():
    code = "from spectrum.shop import tasks, world; print(world.catalogue(), tasks.TASKS['json'].sample(30))"
    env = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)}
    shown = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == f"{PRODUCTS} {tasks.TASKS['json'].sample(30)}"


# ---- catalogue and facts ----


def test_the_catalogue_is_rich_enough_and_half_known():
    assert len(PRODUCTS) >= 60 and len({p.name for p in PRODUCTS}) == len(PRODUCTS)
    assert len({p.category for p in PRODUCTS}) >= 6
    assert sum(p.known for p in PRODUCTS) * 2 == len(PRODUCTS)
    assert all(reader.CATEGORY[p.noun] == p.category and p.name.endswith(f" {p.noun}") for p in PRODUCTS)


def test_product_names_are_no_other_names():
    others = {*world.NAMES, *world.CITIES, *world.MAKERS, *world.WAREHOUSES}
    assert len(others) == len(world.NAMES) + len(world.CITIES) + len(world.MAKERS) + len(world.WAREHOUSES)
    assert not others & {p.name.split()[0] for p in PRODUCTS}


@pytest.mark.parametrize("fact", world.FACT_BITS)
def test_facts_are_uniform_over_the_stated_number_of_values(fact):
    values = 2 ** world.FACT_BITS[fact]
    counts = Counter(p.facts()[fact] for seed in range(60) for p in world.catalogue(seed))
    seen = [*counts.values(), *[0] * (values - len(counts))]
    assert len(counts) <= values, f"{fact} takes {len(counts)} values, more than {values}"
    assert chisquare(seen).pvalue > 1e-4  # 60 × 96 draws; a uniform source fails this once in 10 000


def test_facts_are_independent():
    pairs = Counter((p.colour, p.warehouse) for seed in range(60) for p in world.catalogue(seed))
    assert chisquare([pairs[c, w] for c in world.COLOURS for w in world.WAREHOUSES]).pvalue > 1e-4


def test_planted_facts_hold_nine_bits_each_under_distinct_keys():
    facts = world.planted_facts(4096)
    assert len(dict(facts)) == 4096
    counts = Counter(code for _, code in facts)
    assert len(counts) == 2**9 and chisquare(list(counts.values())).pvalue > 1e-4
    assert all(
        re.fullmatch(r"[A-Z][a-z]+-[A-Z][a-z]+", key) and re.fullmatch(r"[A-H]\d\d", code) for key, code in facts
    )
    assert math.log2(len(counts)) == 9


@pytest.mark.parametrize("count", [0, -1, 4097])
def test_planted_facts_says_what_count_it_takes(count):
    with pytest.raises(ValueError, match="between 1 and 4096"):
        world.planted_facts(count)


# ---- English ----


def test_articles_and_plurals():
    assert [world.article(w) for w in ("lamp", "apple", "Old", "hose")] == ["a lamp", "an apple", "an Old", "a hose"]
    assert {world.plural(noun): noun for noun in world.CATEGORY_OF} == reader.PLURALS
    assert world.counted(1, "Kavo lamp") == "1 Kavo lamp"
    assert world.counted(3, "Kavo torch", words=True) == "three Kavo torches"
