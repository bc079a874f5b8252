"""What the autopilot takes from a person's words: one row per wording, as people write them."""

import time
from typing import Any

import pytest

from ml_intern.llm.autopilot.objective import Objective, Target
from ml_intern.llm.autopilot.reading import read
from ml_intern.llm.autopilot.reading.mentions import alluded

IMAGE = "image-classification"
TEXT = "text-classification"

DEMO = (
    "Train a scaled-down Vision Transformer from scratch on the handwritten digits dataset, "
    "reach 95 % validation accuracy, write a model card and publish it."
)

TARGETS: list[tuple[str, Target | None]] = [
    (DEMO, Target(value=0.95)),
    ("Classify data/a.csv with at least 0.9 accuracy", Target(value=0.9)),
    ("Train a text classifier on a.csv, get 90%", Target(value=0.9)),
    ("Train on a.csv. Accuracy above .85", Target(value=0.85)),
    ("Train on a.csv, F1 of 80", Target(metric="macro_f1", value=0.8)),
    ("Train on a.csv and reach 95 percent", Target(value=0.95)),
    ("Train on a.csv until it is 92,5 % accurate", Target(value=0.925)),
    ("on a.csv I want a validation accuracy of 97", Target(value=0.97)),
    ("macro-F1 >= 0.8 on a.csv please", Target(metric="macro_f1", value=0.8)),
    ("a.csv, macro F1 score at least 75 per cent", Target(metric="macro_f1", value=0.75)),
    ("a.csv, a 0.7 f1 would be fine", Target(metric="macro_f1", value=0.7)),
    ("Get the accuracy up to 93% on a.csv", Target(value=0.93)),
    ("The accuracy on the validation set should not fall below 0.9 (a.csv)", Target(value=0.9)),
    ("a.csv: accuracy must be ≥ 97.5 %", Target(value=0.975)),
    ("a.csv: acc > 90%", Target(value=0.9)),
    ("a.csv: 88 % or better accuracy", Target(value=0.88)),
    ("a.csv: ninety percent accuracy is enough", Target(value=0.9)),
    ("a.csv: ninety-five per cent of the messages right", Target(value=0.95)),
    ("a.csv, target: 0.9", Target(value=0.9)),
    ("a.csv, the goal is 91 %", Target(value=0.91)),
    ("a.csv, hit 80 pct", Target(value=0.8)),
    ("a.csv with validation loss below 0.3", Target(metric="loss", value=0.3)),
    ("a.csv, error rate under 5 %", Target(value=0.95)),
    ("a.csv, no worse than 88 %", Target(value=0.88)),
    ("a.csv, 19 out of 20 must be right", Target(value=0.95)),
    ("a.csv, 95% test accuracy", Target(value=0.95, split="test")),
    ("accuracy of at least 0.8 (test) on a.csv", Target(value=0.8, split="test")),
    ("a.csv, at least 85 % correct on held-out data", Target(value=0.85)),
    ("a.csv with 95 % validation accuracy and a learning rate of 10", Target(value=0.95)),
    ("a.csv, hold out 20 % for validation", None),
    ("a.csv, 80/10/10 split", None),
    ("a.csv with a dropout of 0.2 for 20 epochs", None),
    ("a.csv, watch the loss and stop when the accuracy no longer rises", None),
    ("a.csv where 30 % of the rows lack a label", None),
    ("Train the best classifier you can on a.csv", None),
    ("Train it on a.csv in 100 % local mode and get 0.8 accuracy", Target(value=0.8)),
    ("aim for an accuracy somewhere above eighty percent, data a.csv", Target(value=0.8)),
    ("I'd be happy with 9 out of 10 correct answers; data a.csv", Target(value=0.9)),
    ("accuracy=0.9 a.csv", Target(value=0.9)),
    ("TARGET_ACCURACY: 90 a.csv", Target(value=0.9)),
    ("Get me 90% on a.csv", Target(value=0.9)),
    ("a.csv. Stop when you have 92% on the validation split.", Target(value=0.92)),
    ("a.csv. I would like to see a validation accuracy north of 90%.", Target(value=0.9)),
    ("a.csv. It must be right in 60 % of cases.", Target(value=0.6)),
    ("a.csv, 85 % is fine", Target(value=0.85)),
    ("a.csv, version 2 is fine", None),
    ("a.csv, we have 50 % spam in it", None),
    ("a.csv, eighty-five percent of the validation reviews right", Target(value=0.85)),
    ("a.csv, recognise them at 95 %", Target(value=0.95)),
    ("a.csv, 95 % is the goal", Target(value=0.95)),
    ("aim at 80 percent macro F1 on a.csv", Target(metric="macro_f1", value=0.8)),
    ("a.csv, I need >=97% acc!", Target(value=0.97)),
]


@pytest.mark.parametrize(("text", "expected"), TARGETS)
def test_target(text: str, expected: Target | None) -> None:
    found = read(text)
    assert (found.target, found.doubt) == (expected, None)


def test_other_data_is_not_left_out_in_silence() -> None:
    assert read("Train on a.csv and validate on b.csv").unread == ("b.csv",)
    assert read("Train on a.csv. Publish what a.csv gives").unread == ()
    assert read("Train on leaves/train, validate on leaves/val").unread == ()


def test_settings_alone_are_words_about_training() -> None:
    assert read("photos; seed=8").training


DOUBTFUL = [
    ("Train on a.csv to 140 % accuracy", "140 %"),
    ("Train on a.csv, accuracy of 0", "0"),
    ("Train on a.csv, reach 0 %", "0 %"),
    ("Train on a.csv, accuracy above -5 %", "-5 %"),
    ("Train on a.csv, accuracy of 1.4", "1.4"),
    ("Train on a.csv, accuracy of 0.95 %", "0.95 %"),
    ("Train on a.csv, reach 1000 percent", "1000 percent"),
    ("a.csv, recall of at least 0.9", "recall"),
    ("a.csv, an AUC of .9", "auc"),
    ("a.csv, top-5 accuracy of 90 %", "top-5 accuracy"),
    ("a.csv, 0.8 macro F1 on val and 0.75 on test", "macro F1 of at least 75 %"),
]


@pytest.mark.parametrize(("text", "words"), DOUBTFUL)
def test_impossible_or_unmeasured_target_is_a_doubt_and_no_target(text: str, words: str) -> None:
    found = read(text)
    assert found.target is None
    assert found.doubt is not None
    assert words in found.doubt


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    (DEMO, {}),
    ("a.csv for 20 epochs", {"num_train_epochs": 20}),
    ("a.csv, twenty epochs", {"num_train_epochs": 20}),
    ("a.csv, epochs: 5", {"num_train_epochs": 5}),
    ("a.csv, num_train_epochs=7", {"num_train_epochs": 7}),
    ("a.csv, a 3-epoch run", {"num_train_epochs": 3}),
    ("use 40 epochs instead", {"num_train_epochs": 40}),
    ("set the epochs to 12", {"num_train_epochs": 12}),
    ("reached 95 % from epoch 15 on", {}),
    ("a.csv with a learning rate of 3e-4", {"learning_rate": 3e-4}),
    ("a.csv, lr=0.01", {"learning_rate": 0.01}),
    ("a.csv, lr 1E-3", {"learning_rate": 1e-3}),
    ("a.csv, learning rate 10", {"learning_rate": 10.0}),
    ("a.csv, learning_rate = .001", {"learning_rate": 0.001}),
    ("a.csv, a 5e-5 learning rate", {"learning_rate": 5e-5}),
    ("a.csv, the learning rate should be 0,002", {"learning_rate": 0.002}),
    ("a.csv, learning-rate: 2e-5, 3 epochs", {"learning_rate": 2e-5, "num_train_epochs": 3}),
    ("a.csv with batch size 64", {"per_device_train_batch_size": 64}),
    ("a.csv with a batch size of 16", {"per_device_train_batch_size": 16}),
    ("a.csv in batches of 8", {"per_device_train_batch_size": 8}),
    ("a.csv, batch_size=4", {"per_device_train_batch_size": 4}),
    ("a.csv, bs=128", {"per_device_train_batch_size": 128}),
    (
        "a.csv, batch size 64, learning rate 1e-3",
        {"per_device_train_batch_size": 64, "learning_rate": 1e-3},
    ),
    (
        "a.csv, batch size 64 learning rate 1e-3 seed 7",
        {"per_device_train_batch_size": 64, "learning_rate": 1e-3, "seed": 7},
    ),
    ("a.csv, seed 7", {"seed": 7}),
    ("a.csv, random seed of 123", {"seed": 123}),
    ("a.csv, seeded with 5", {"seed": 5}),
    ("a.csv, 3 classes", {"num_labels": 3}),
    ("a.csv has three categories", {"num_labels": 3}),
    ("sort a.csv into 4 different classes", {"num_labels": 4}),
    ("sort a.csv into the 4 queues", {"num_labels": 4}),
    ("sort a.csv into 3 parts", {}),
    ("a 10-class problem in a.csv", {"num_labels": 10}),
    ("a.csv with num_labels=2", {"num_labels": 2}),
    ("a.csv, max length 128", {"max_length": 128}),
    ("a.csv, a maximum sequence length of 256", {"max_length": 256}),
    ("a.csv, cut the texts at 64 tokens", {"max_length": 64}),
    (
        "a.csv, weight decay 0.1 and label smoothing 0.05",
        {"weight_decay": 0.1, "label_smoothing_factor": 0.05},
    ),
    ("a.csv, dropout of 0.2", {"hidden_dropout_prob": 0.2}),
    (
        "a.csv, 4 layers, 8 heads and hidden size 64",
        {"num_hidden_layers": 4, "num_attention_heads": 8, "hidden_size": 64},
    ),
    ("a ViT with patch 2 on ./leaves", {"patch_size": 2}),
    ("a ViT with 4x4 patches on ./leaves", {"patch_size": 4}),
    ("a ViT, patch size 8, image size 64, on ./leaves", {"patch_size": 8, "image_size": 64}),
    ("a.csv, gradient accumulation of 4", {"gradient_accumulation_steps": 4}),
    ("a.csv, 100 warmup steps", {"warmup_steps": 100}),
    ("a.csv, deterministic please", {"deterministic": True}),
    (
        "a.csv, reproducible bit for bit, with data augmentation",
        {"deterministic": True, "augment": True},
    ),
    ("a.csv, 5 000 rows in 3 files", {}),
    ("the model at runs/20epochs/checkpoint-40 on a.csv", {}),
]


@pytest.mark.parametrize(("text", "expected"), SETTINGS)
def test_settings(text: str, expected: dict[str, Any]) -> None:
    assert dict(read(text).asked) == expected


SOURCES: list[tuple[str, str | None]] = [
    (DEMO, "handwritten digits"),
    ("fine-tune /path/to/model on reviews.csv", "reviews.csv"),
    ("Train a text classifier on hub:acme/reviews, 90 %", "hub:acme/reviews"),
    ("Classify data=hub:acme/reviews:de and publish it as moods", "hub:acme/reviews:de"),
    ("hub:acme/reviews@v1: a classifier, please", "hub:acme/reviews@v1"),
    ("Classify texts of the Hub dataset acme/reviews", "acme/reviews"),
    (
        "Train on https://huggingface.co/datasets/acme/reviews.",
        "https://huggingface.co/datasets/acme/reviews",
    ),
    (
        "train a small transformer from scratch to classify the messages in data/tickets.jsonl "
        "into categories",
        "data/tickets.jsonl",
    ),
    (
        'Train a text classifier. The dataset is at "/tmp/x y/with spaces.csv".',
        "/tmp/x y/with spaces.csv",
    ),
    ("Train a classifier on '/tmp/x y/a b.csv', please don't publish", "/tmp/x y/a b.csv"),
    ("Train a classifier on `data/a.tsv`.", "data/a.tsv"),
    ("dataset at /tmp/x y/with spaces.csv", "/tmp/x y/with spaces.csv"),
    ("Sort the photos in ./leaves by species", "./leaves"),
    ("Recognise the pictures below ~/pictures/birds/ with a ViT", "~/pictures/birds/"),
    ("Images are under /data/leaves; train a ViT.", "/data/leaves"),
    ("classify the pictures in the folder leaves", "leaves"),
    ("Fine-tune google/vit-base-patch16-224 on user/flowers", "user/flowers"),
    ("Use the Hub dataset stanfordnlp/imdb for a sentiment model", "stanfordnlp/imdb"),
    ("data: tickets.jsonl, task: classify", "tickets.jsonl"),
    ("data=tickets.jsonl", "tickets.jsonl"),
    ("(see tickets.jsonl)", "tickets.jsonl"),
    ("Learn from tickets.jsonl, then save the weights to out/model", "tickets.jsonl"),
    ("Save the weights to out/model. Learn from tickets.jsonl", "tickets.jsonl"),
    ("Train an image classifier on the dataset of handwritten digits.", "handwritten digits"),
    ("Train an image classifier on the data set called digits", "digits"),
    ("Train a ViT on handwritten digits to 95 %", "handwritten digits"),
    ("Use a ViT on leaves (with a train and a val directory)", "leaves"),
    ("Use a ViT on leaves \u2013 90 % please", "leaves"),
    ("Take my flower images dataset and train on it", "flower images"),
    ("Fine-tune a classifier from ./models/x on a.csv", "a.csv"),
    ("Fine-tune bert-base-uncased from ./models/x on a.csv", "a.csv"),
    ("Fine-tune a classifier on pictures from ./leaves", "./leaves"),
    ("pets/ -> ViT from scratch", "pets/"),
    ("Train a ViT on the pets folder", "pets"),
    ("The class is the folder name. Train on ./pets", "./pets"),
    ("Train an image classifier. Data: photos. 3 epochs", "photos"),
    ("- folder: photos\n- 3 epochs of training", "photos"),
    ("Train on leaves/train, validate on leaves/val", "leaves"),
    ("Train on x/train.csv and test on x/test.csv", "x"),
    ("Train a model on my data", None),
    ("Get to 98% on the digits dataset that scikit-learn ships.", "digits"),
    ("They are in ~/mail/export 2026.csv.", "~/mail/export 2026.csv"),
    ("Train a text classifier on this dataset, get 90 %, put it on the Hub", None),
    ("Train an image classifier on the GPU", None),
    ("Train a text classifier from scratch", None),
    ("Train and/or evaluate a classifier with a train/test split", None),
    ("Classify reviews.csv with labels 'good' and 'bad'", "reviews.csv"),
    (
        "Train on /data/Kundenmeldungen 2026/märz.jsonl bis 90 % accuracy",
        "/data/Kundenmeldungen 2026/märz.jsonl",
    ),
    ("Teach a network to tell my emails apart: mails.ndjson", "mails.ndjson"),
    ("", None),
    ("Classify the texts in data/v1.2/set.csv.", "data/v1.2/set.csv"),
]


@pytest.mark.parametrize(("text", "expected"), SOURCES)
def test_source(text: str, expected: str | None) -> None:
    assert read(text).source == expected


MODELS: list[tuple[str, str | None, bool]] = [
    (DEMO, None, True),
    ("fine-tune /path/to/model on reviews.csv", "/path/to/model", False),
    ("finetune google/vit-base-patch16-224 on user/flowers", "google/vit-base-patch16-224", False),
    ("Fine-tuning distilbert-base-uncased with reviews.csv", "distilbert-base-uncased", False),
    ("Train a text classifier on a.csv starting from ./base", "./base", False),
    ("Fine-tune a classifier from ./models/x on a.csv", "./models/x", False),
    ("Fine-tune bert-base-uncased from ./models/x on a.csv", "./models/x", False),
    ("Use the model at '/models/my bert' and a.csv", "/models/my bert", False),
    ("a.csv, based on prajjwal1/bert-tiny", "prajjwal1/bert-tiny", False),
    ("a.csv, base model: bert-base-cased", "bert-base-cased", False),
    ("fine-tune a small transformer on a.csv", None, False),
    ("fine-tune the pretrained checkpoint models/tiny on a.csv", "models/tiny", False),
    ("train a model in a.csv from zero, randomly initialised", None, True),
    ("a.csv: fine tune prajjwal1/bert-tiny", "prajjwal1/bert-tiny", False),
]


@pytest.mark.parametrize(("text", "model", "scratch"), MODELS)
def test_model(text: str, model: str | None, scratch: bool) -> None:
    found = read(text)
    assert (found.model, found.scratch) == (model, scratch)


FAMILIES: list[tuple[str, str | None, bool]] = [
    (DEMO, IMAGE, False),
    ("Train a ViT on ./leaves", IMAGE, False),
    ("Tell the photos in ./leaves apart", IMAGE, False),
    ("Sort the messages in tickets.jsonl into categories", TEXT, False),
    ("sentiment of reviews.csv", TEXT, False),
    ("Spam detection on sms.csv", TEXT, False),
    ("Detect the language of each sentence in langs.tsv", TEXT, False),
    ("Train a classifier on data/images.csv", None, False),
    ("Summarise the articles in news.csv", None, True),
    ("Train a summarization model on news.csv", None, True),
    ("Translate data/de-en.csv into English", None, True),
    ("SFT a chat model on chats.jsonl", None, True),
    ("Run DPO on pairs.jsonl", None, True),
    ("Predict the price of houses in houses.csv by regression", None, True),
    ("Train an object detection model on ./cars", None, True),
    ("Segment the images in ./cells", None, True),
    ("Speech recognition on ./clips", None, True),
    ("Transcribe the audio files in ./clips", None, True),
    ("Named entity recognition on ner.jsonl", None, True),
    ("Pre-train a language model on corpus.txt", None, True),
    ("Question answering on squad.json", None, True),
    ("Forecast the time series in sales.csv", None, True),
    ("multi-label classification of a.csv", None, True),
    ("Generate images of cats", None, True),
    ("Classify the summaries in a.csv", TEXT, False),
    ("Classify the translated reviews in a.csv", TEXT, False),
    ("Fine-tune the language model at ./lm to classify reviews in a.csv", TEXT, False),
]


@pytest.mark.parametrize(("text", "family", "beyond"), FAMILIES)
def test_family(text: str, family: str | None, beyond: bool) -> None:
    found = read(text)
    assert (found.beyond is not None) == beyond
    if not beyond:
        assert found.family == family


COLUMNS: list[tuple[str, str | None, str | None]] = [
    ("use column note as text and cat as label, file a.csv", "note", "cat"),
    ("a.csv; text column: body; label column: kind", "body", "kind"),
    ("a.csv, the label is in column Mood", None, "Mood"),
    ("Text column: inhalt.rumpf. Label column: kind. a.csv", "inhalt.rumpf", "kind"),
    ("note is the text column and cat the label column of a.csv", "note", None),
    ("a.csv, text col = note, label col = cat", "note", "cat"),
    ("a.csv, text_column=note label_column=cat", "note", "cat"),
    ("a.csv, take 'Customer Note' as text and 'Urgency' as the label", "Customer Note", "Urgency"),
    ("a.csv, column cat is the label", None, "cat"),
    ("a.csv. The text is in the column review_body.", "review_body", None),
    ("a.csv, label: kind", None, "kind"),
    ("a.csv, the target is 95 %", None, None),
    ("a.csv, use it as text", None, None),
    ("a.csv, the label column is called x y", None, "x"),
    ("a.csv: predict 'Stimmung' from 'Kommentar'", "Kommentar", "Stimmung"),
    ("a.csv - label is 'stars', text is 'review text'", "review text", "stars"),
    ("a.csv (text in `body`, label in `stars`)", "body", "stars"),
    ("a.csv (column 'comentario' is the text, 'tono' the label)", "comentario", "tono"),
    ("Tell 'spam' from 'ham' in a.csv", None, None),
]


@pytest.mark.parametrize(("text", "text_column", "label_column"), COLUMNS)
def test_columns(text: str, text_column: str | None, label_column: str | None) -> None:
    found = read(text)
    assert (found.text_column, found.label_column) == (text_column, label_column)


ALLUSIONS = [
    ("How urgent is each message?", ["Urg.", "when"], ["Urg."]),
    ("Sort them into categories", ["category", "place"], ["category"]),
    ("Guess the mood and the place", ["moodOfUser", "place"], ["moodOfUser", "place"]),
    ("Train a classifier", ["kind", "day"], []),
]


@pytest.mark.parametrize(("text", "columns", "expected"), ALLUSIONS)
def test_columns_that_the_words_allude_to(
    text: str, columns: list[str], expected: list[str]
) -> None:
    assert alluded(text, columns) == expected


PUBLICATION: list[tuple[str, bool | None, str | None]] = [
    (DEMO, True, None),
    ("a.csv, don't publish", False, None),
    ("a.csv, don\u2019t publish it anywhere", False, None),
    ("a.csv, do not upload anything", False, None),
    ("a.csv without publishing", False, None),
    ("a.csv, keep it local", False, None),
    ("a.csv, no need to push it", False, None),
    ("a.csv, push to the hub as leaf-net", True, "leaf-net"),
    ("a.csv, publish it under the name tickets", True, "tickets"),
    ("a.csv, publish as alice/tickets-small", True, "alice/tickets-small"),
    ('a.csv, upload it to the Hub repository "moods"', True, "moods"),
    ("a.csv, call the model leaf-net", None, "leaf-net"),
    ("a.csv, publish as soon as it is good", True, None),
    ("a.csv", None, None),
    ("a.csv. Don't put it on the Hub.", False, None),
    ("a.csv. Do everything here, nothing published.", False, None),
    ("Train a text classifier on this dataset, get 90 %, put it on the Hub", True, None),
]


@pytest.mark.parametrize(("text", "publish", "repo_name"), PUBLICATION)
def test_publication(text: str, publish: bool | None, repo_name: str | None) -> None:
    found = read(text)
    assert (found.publish, found.repo_name) == (publish, repo_name)


OUTPUTS: list[tuple[str, str | None]] = [
    ("Learn from tickets.jsonl, then save the weights to out/model", "out/model"),
    ("tickets.jsonl, output directory results/a", "results/a"),
    ("tickets.jsonl, output_dir=results", "results"),
    ("tickets.jsonl, write the model into the folder final", "final"),
    ("tickets.jsonl, save it as shapes-vit.", "shapes-vit"),
    ("tickets.jsonl", None),
]


@pytest.mark.parametrize(("text", "expected"), OUTPUTS)
def test_output_folder(text: str, expected: str | None) -> None:
    assert read(text).output_dir == expected


FRACTIONS: list[tuple[str, float | None, float | None]] = [
    ("a.csv, hold out 20 % for validation", 0.2, None),
    ("a.csv, 80/10/10 split", 0.1, 0.1),
    ("a.csv, a validation fraction of 0.15 and a test split of 5%", 0.15, 0.05),
    ("a.csv, 15 percent of the rows as test", None, 0.15),
    ("a.csv, reach 95 % on validation", None, None),
]


@pytest.mark.parametrize(("text", "validation", "test"), FRACTIONS)
def test_fractions(text: str, validation: float | None, test: float | None) -> None:
    found = read(text)
    assert (found.validation_fraction, found.test_fraction) == (validation, test)


def test_the_card_is_left_out_only_when_told() -> None:
    assert read(DEMO).card
    assert not read("a.csv, no model card please").card


def test_a_time_limit_is_read_in_seconds() -> None:
    assert read("a.csv, within 30 minutes").timeout_s == 1800
    assert read("a.csv, no longer than 2 hours").timeout_s == 7200
    assert read("a.csv, 5 epochs").timeout_s is None


def test_words_that_do_not_speak_of_training_are_recognised() -> None:
    assert not read("What is the weather like?").training
    assert not read("Write me a poem").training
    assert read("Train something").training
    assert read(DEMO).training


def test_small_is_heard() -> None:
    assert read(DEMO).small
    assert not read("Train a ViT on ./leaves").small


def test_later_words_win_and_leave_the_rest() -> None:
    first = read("Train on a.csv for 5 epochs with seed 3, reach 90 %")
    merged = first.merged(read("use 40 epochs instead, and 95 % is the goal"))
    assert merged.source == "a.csv"
    assert dict(merged.asked) == {"num_train_epochs": 40, "seed": 3}
    assert merged.target == Target(value=0.95)


def test_reading_is_linear_in_long_nonsense() -> None:
    """A pasted megabyte must not stall a turn."""
    for piece in ("a", "a ", "95 % ", "the ", "/", "'", "data ", "accuracy of ", "-", "\n", "x/y "):
        began = time.process_time()
        assert isinstance(read(piece * (1_000_000 // len(piece))), Objective)
        # A tenth of that on an idle machine; what grows faster than the text takes minutes.
        assert time.process_time() - began < 10.0, repr(piece)


@pytest.mark.parametrize(
    ("text", "source", "model"),
    [
        ("Use google/vit-base-patch16-224 on ./pics", "./pics", "google/vit-base-patch16-224"),
        ("With me/my-bert-small on a.csv", "a.csv", "me/my-bert-small"),
        ("Use data/vitrines", "data/vitrines", None),
        ("Use data/bert-tickets", "data/bert-tickets", None),
        ("Use the dataset me/bert-small-corpus", "me/bert-small-corpus", None),
    ],
)
def test_the_id_of_a_model_is_no_data(text: str, source: str, model: str | None) -> None:
    found = read(f"{text} for a classifier.")
    assert (found.source, found.model) == (source, model)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a pretrained multilingual BERT", True),
        ("no pretrained model", False),
        ("do not use a pretrained model", False),
    ],
)
def test_a_pretrained_model_is_to_be_fine_tuned(text: str, expected: bool) -> None:
    found = read(f"Train on a.csv, {text}.")
    assert (found.finetune and not found.scratch) == expected
