"""A bounded part of `python -m tests.mapping.fuzz`: broken files are answered, with a place and a remedy."""

from tests.mapping.fuzz import fault_of, made, seeds

COUNT = 400


def test_broken_files_are_answered() -> None:
    texts = seeds()
    faults = {seed: fault for seed in range(COUNT) if (fault := fault_of(made(seed, texts)))}
    assert faults == {}


def test_a_seed_gives_the_same_file_again() -> None:
    texts = seeds()
    assert made(7, texts) == made(7, texts)
    assert len({made(seed, texts) for seed in range(50)}) > 40
