"""Settings, splits and limits at their word, and what has no counterpart."""

from typing import Any

import pytest

from ml_intern.llm.autopilot.reading import read

ASKED: list[tuple[str, dict[str, Any]]] = [
    ("learning rate: 10^-3", {"learning_rate": 1e-3}),
    ("learning rate of 1 000 000", {"learning_rate": 1e6}),
    ("a learning rate of one million", {"learning_rate": 1e6}),
    ("a learning rate of one tenth", {"learning_rate": 0.1}),
    ("learning rate 2*10^-4", {"learning_rate": 2e-4}),
    ("learning rate 1/1000", {"learning_rate": 1e-3}),
    ("w/ 1e-4 lr", {"learning_rate": 1e-4}),
    ("lerning rate 0.01, epcohs 5", {"learning_rate": 0.01, "num_train_epochs": 5}),
    ("lr=3e-4; bs=64; ep=7", {"learning_rate": 3e-4, "per_device_train_batch_size": 64,
                             "num_train_epochs": 7}),
    ("seed twenty-five, batch size thirty-two", {"seed": 25, "per_device_train_batch_size": 32}),
    ("one hundred and fifty epochs", {"num_train_epochs": 150}),
    ("vocab size 12 500, seed 7 100 warmup steps",
     {"vocab_size": 12500, "seed": 7, "warmup_steps": 100}),
    ("vocab size 12,500 and seed 1,234", {"vocab_size": 12500, "seed": 1234}),
    ("vocabulary of 8k", {"vocab_size": 8000}),
    ("10 % warmup, dropout of 10 %", {"warmup_steps": 0.1, "hidden_dropout_prob": 0.1}),
    ("warmup ratio 0.1, gradient clipping 0.5, linear schedule",
     {"warmup_steps": 0.1, "max_grad_norm": 0.5, "lr_scheduler_type": "linear"}),
    ("wd 0.01", {"weight_decay": 0.01}),
    ("8 as batch size", {"per_device_train_batch_size": 8}),
    ("32 images per batch", {"per_device_train_batch_size": 32}),
    ("eight rows in each batch", {"per_device_train_batch_size": 8}),
    ("20 at a time, minibatches", {"per_device_train_batch_size": 20}),
    ("mini-batches of 64 and minibatch size 64", {"per_device_train_batch_size": 64}),
    ("seed number 4", {"seed": 4}),
    ("random state 7", {"seed": 7}),
    ("six passes over the data", {"num_train_epochs": 6}),
    ("64x64 pixel input", {"image_size": 64}),
    ("input of 48 px", {"image_size": 48}),
    ("pictures scaled down to 40x40", {"image_size": 40}),
    ("inputs: 3 columns", {}),
    ("accumulate gradients over 4 steps", {"gradient_accumulation_steps": 4}),
    ("learning rate of 0.000125", {"learning_rate": 0.000125}),
    ("a good learning rate and 3 epochs", {"num_train_epochs": 3}),
    ("no early stopping, without mixed precision", {}),
    ("seed=3 epochs=10", {"seed": 3, "num_train_epochs": 10}),
    ("bs 32 epochs 10", {"per_device_train_batch_size": 32, "num_train_epochs": 10}),
    ("10 ep; bs8; lr1e-3", {"num_train_epochs": 10, "per_device_train_batch_size": 8,
                            "learning_rate": 1e-3}),
    ("a bach size of 16", {"per_device_train_batch_size": 16}),
    ("step size 3e-4", {"learning_rate": 3e-4}),
    ("ADAM at 0.001", {"learning_rate": 1e-3}),
    ("a rate of 0.001", {"learning_rate": 1e-3}),
    ("2 epochs at 2e-5", {"num_train_epochs": 2, "learning_rate": 2e-5}),
    ("lr one in a thousand", {"learning_rate": 1e-3}),
    ("5 percent dropout, 0.01 weight decay", {"hidden_dropout_prob": 0.05, "weight_decay": 0.01}),
    ("the images in 32x32", {"image_size": 32}),
    ("images resized to 64 by 64 pixels", {"image_size": 64}),
    ("at 32px", {"image_size": 32}),
    ("10 epochs instead of 20 epochs", {"num_train_epochs": 10}),
    ("10 epochs to 90 rows", {"num_train_epochs": 10}),
    ("epochs ~ 10, seed equals 3", {"num_train_epochs": 10, "seed": 3}),
    ("bsz 8", {"per_device_train_batch_size": 8}),
    ("batch size = 2^5", {"per_device_train_batch_size": 32}),
    ("resolution 32", {"image_size": 32}),
    ("img size 40, intermediate size 16", {"image_size": 40, "intermediate_size": 16}),
    ("warm up for 50 steps, clip gradients at 1.0", {"warmup_steps": 50, "max_grad_norm": 1.0}),
    ("epochs: max. 12", {"num_train_epochs": 12}),
    ("lower the learning rate to 1e-4", {"learning_rate": 1e-4}),
    ("a low learning rate of 1e-4", {"learning_rate": 1e-4}),
    ("lr 0.001 and 10 epochs", {"learning_rate": 1e-3, "num_train_epochs": 10}),
    ("lr 1e-3 - 10 epochs", {"learning_rate": 1e-3, "num_train_epochs": 10}),
    ("3 files of 12,500 rows, two of them in English", {}),
]  # fmt: skip
UNREAD: list[tuple[str, tuple[str, ...]]] = [
    ("momentum 0.9 and SGD", ("momentum 0.9", "SGD")),
    ("foo=3", ("foo=3",)),
    ("optimizer=lion", ("optimizer=lion",)),
    ("with LoRA in 4-bit", ("LoRA", "4-bit")),
    ("5-fold cross-validation", ("5-fold cross-validation",)),
    ("fp16 please", ("fp16",)),
    ("early stopping, patience 3", ("early stopping", "patience 3")),
    ("one million parameters", ("1000000 parameters",)),
    ("split 90/10", ("split 90/10",)),
    ("60 % for validation", ("60 % for validation",)),
    ("80% for training", ("80% for training",)),
    ("2/3 for training", ("2/3 for training",)),
    ("half for testing", ("1/2 for testing",)),
    ("hold out the last 100 rows", ("hold out the last 100",)),
    ("with distilbert-base-uncased", ("distilbert-base-uncased",)),
    ("DistilBERT please", ("DistilBERT",)),
    ("a RoBERTa model", ("RoBERTa",)),
    ("a Swin transformer", ("Swin",)),
    ("to beat Roberta's and Albert's labels", ()),
    ("a small BERT that beats our DistilBERT", ()),
    ("with seeds 1, 2 and 3", ("seeds 1, 2 and 3",)),
    ("use only 100 rows", ("only 100 rows",)),
    ("with the first 500 texts", ("the first 500 texts",)),
    ("a learning rate of five times ten to the minus 4", ("learning rate of 5 times",)),
    ("a learning rate starting at 0.01", ("learning rate starting at 0.01",)),
    ("batches as large as 64", ("batches as large as 64",)),
    ("oversampling of rare classes", ("oversampling",)),
    ("epochs 3-5", ("epochs 3-5",)),
    ("between 3 and 5 epochs", ("between 3 and 5 epochs",)),
    ("5 or 6 epochs", ("5 or 6 epochs",)),
    ("batch size 8 or 16", ("batch size 8 or 16",)),
    ("lr=1e-3→1e-5 epochs=10", ("lr=1e-3→1e-5",)),
    ("lr 1e-3 decaying to 1e-5", ("decaying to 1e-5",)),
    ("lr 0.01, halved every 5 epochs", ("halved every",)),
    ("lr 1e-2, 1e-3 and 1e-4", ("1e-3", "1e-4")),
    ("seed 3 here and seed 4 there", ("seed 3", "seed 4")),
    ("resize to 64x48", ("resize to 64x48",)),
    ("a couple of epochs", ("a couple of epochs",)),
    ("3 rounds", ("3 rounds",)),
    ("for 2,000 steps", ("2000 steps",)),
    ("max_steps: 500", ("max_steps: 500",)),
    ("batch size 16, then 32", ("batch size 16, then 32",)),
    ("stop after 3 epochs without improvement", ("3 epochs without improvement",)),
    ("fine-tune efficientnet_b0", ("efficientnet_b0",)),
    ("five to ten epochs", ("5 to 10 epochs",)),
    ("6 epochs, 8 at most", ("8 at most",)),
    ("double the batch size", ("double the batch size",)),
    ("a small learning rate, lots of epochs", ("small learning rate", "lots of epochs")),
    ("a validation set of 50 examples", ("validation set of 50 examples",)),
    ("100 rows for testing", ("100 rows for testing",)),
    ("no test set", ("no test set",)),
    ("0 % for testing", ("0 % for testing",)),
    ("run it 3 times with different seeds", ("run it 3 times", "different seeds")),
    ("same settings as last time", ("same settings as last time",)),
    ("a rate of 0.4", ("rate of 0.4",)),
    ("only the first 10k rows", ("only the first 10k rows",)),
    ("only 10 % of it", ("only 10 % of",)),
    ("only English texts", ("only English texts",)),
    ("only rows where lang is en", ("only rows where lang is en",)),
    ("random crops", ("random crops",)),
    ("in greyscale", ("in greyscale",)),
    ("positive means 4 or 5 stars", ("positive means 4 or 5 stars",)),
    ("no momentum, without LoRA, never fp16", ()),
    ("accuracy=0.9, text=note, label=kind", ()),
    ("output_dir=results, seed=3, repo=moods", ()),
    ("from 2023-01-01 to 2023-12-31", ()),
]
SPLITS: list[tuple[str, float | None, float | None]] = [
    ("90% train, 10% validation", 0.1, None),
    ("80% train, 10% val, 10% test", 0.1, 0.1),
    ("70/15/15", 0.15, 0.15),
    ("split 80-10-10", 0.1, 0.1),
    ("a 80/20 train/test split", None, 0.2),
    ("85:15 train/validation split", 0.15, None),
    ("20% validation data and 90% accuracy", 0.2, None),
    ("hold out a fifth for testing", None, 0.2),
    ("keep 20 % of the rows for the final test", None, 0.2),
    ("a quarter of the rows goes to test", None, 0.25),
    ("test it on a tenth of the data", None, 0.1),
    ("hold out 15 %", None, 0.15),
    ("15 pct held out", None, 0.15),
    ("a fifth is kept back", None, 0.2),
    ("set 10 % aside", None, 0.1),
    ("a 30 % holdout", None, 0.3),
    ("hold back 15 percent for validation and a tenth for testing", 0.15, 0.1),
    ("5% of a.csv for validation, 5% for test", 0.05, 0.05),
    ("train on 80%, validate on 10%, test on 10%", 0.1, 0.1),
    ("val 10% test 20%", 0.1, 0.2),
    ("Val: 15 %", 0.15, None),
    ("validation 20%", 0.2, None),
    ("70% train 20% val 10% test", 0.2, 0.1),
    ("validation 90%", None, None),
    ("validation accuracy 30%", None, None),
    ("95% test accuracy", None, None),
    ("92% val acc", None, None),
    ("8/10/12 people rated them", None, None),
]
LIMITS: list[tuple[str, float | None]] = [
    ("stop after 10 minutes", 600),
    ("train for 20 minutes", 1200),
    ("stop after an hour", 3600),
    ("90 minutes at most", 5400),
    ("within 1 hour 30 minutes", 5400),
    ("half an hour max", 1800),
    ("time limit: 2h", 7200),
    ("after 10 minutes stop", 600),
    ("no longer than two hours", 7200),
    ("in 3 minutes or less", 180),
    ("maximum training time is 10 minutes", 600),
    ("you have 5 minutes", 300),
    ("limit the training to half an hour", 1800),
    ("stop after 10 epochs", None),
    ("mails of the last 10 minutes", None),
]


@pytest.mark.parametrize(("text", "expected"), ASKED)
def test_settings(text: str, expected: dict[str, Any]) -> None:
    found = read(f"Train on a.csv, {text}.")
    assert (dict(found.asked), found.target, found.doubt) == (expected, None, None)
    assert found.unread == ()


@pytest.mark.parametrize(("text", "expected"), UNREAD)
def test_what_has_no_counterpart_is_kept_in_the_persons_words(
    text: str, expected: tuple[str, ...]
) -> None:
    found = read(f"Train on a.csv, {text}.")
    assert found.unread == expected
    assert found.doubt is None


@pytest.mark.parametrize(("text", "validation", "test"), SPLITS)
def test_splits(text: str, validation: float | None, test: float | None) -> None:
    found = read(f"Train on a.csv, {text}.")
    assert (found.validation_fraction, found.test_fraction) == (validation, test)
    assert found.unread == ()


@pytest.mark.parametrize(("text", "seconds"), LIMITS)
def test_time_limits(text: str, seconds: float | None) -> None:
    assert read(f"Train on a.csv, {text}.").timeout_s == seconds
