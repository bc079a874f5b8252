"""What is found in single sentences, and what must not be."""

from typing import Any

import pytest

from ml_intern.tools.papers.recipe.extract import extract
from tests.tools.papers.recipe.documents import saying, written


def found(text: str, **options: str) -> dict[str, Any]:
    """Values by name; with a unit where the value has one."""
    flat = extract(saying(text, **options)).recipe.flat()
    return {name: (each.value, each.unit) if each.unit else each.value for name, each in flat}


STATED: list[tuple[str, dict[str, Any]]] = [
    (
        r"We train with AdamW using a peak learning rate of $3\times10^{-4}$, a batch size of 256 "
        "sequences and a weight decay of 0.1.",
        {
            "optimiser": "AdamW",
            "learning_rate": 3e-4,
            "batch_size": (256, "examples"),
            "weight_decay": 0.1,
        },
    ),
    (
        "We use Adam with (β1, β2) = (0.9, 0.98) and ε = 1e-9.",
        {"optimiser": "Adam", "adam_beta1": 0.9, "adam_beta2": 0.98, "adam_epsilon": 1e-9},
    ),
    ("The learning rate peaks at 4e-4.", {"learning_rate": 4e-4}),
    (
        "The learning rate is warmed up from 0 to 6e-4 over 2,000 steps.",
        {"learning_rate": 6e-4, "warmup": (2000, "steps")},
    ),
    (
        "The initial learning rate is 0.1 and is divided by 10 at epochs 30 and 60.",
        {"learning_rate": 0.1, "schedule": "step"},
    ),
    ("We use batches of 256K tokens.", {"batch_size": (256_000, "tokens")}),
    ("Each batch contains approximately 25,000 source tokens.", {"batch_size": (25_000, "tokens")}),
    (
        "We use a per-device batch size of 8 and gradient accumulation over 4 steps, for an "
        "effective batch size of 256.",
        {
            "batch_size": (256, "examples"),
            "batch_size_per_device": (8, "examples"),
            "gradient_accumulation_steps": (4, "steps"),
        },
    ),
    (
        "All models are trained for 100 epochs, with a warm-up of 5 epochs.",
        {"epochs": (100, "epochs"), "warmup": (5, "epochs")},
    ),
    (
        "We train for 20 epochs with early stopping with a patience of 3 epochs.",
        {"epochs": (20, "epochs")},
    ),
    (
        "We train for 300K steps with 10K warmup steps.",
        {"steps": (300_000, "steps"), "warmup": (10_000, "steps")},
    ),
    ("We fine-tune for three epochs.", {"epochs": (3, "epochs")}),
    (
        "The learning rate rises linearly over the first 15,000 steps to a peak of 1e-3.",
        {"learning_rate": 1e-3, "warmup": (15_000, "steps")},
    ),
    (
        "The learning rate is 1e-4. It is warmed up over 500 steps and then stays constant.",
        {"learning_rate": 1e-4, "warmup": (500, "steps"), "schedule": "constant"},
    ),
    (
        "We train for 800,000 steps, i.e., about 640 epochs.",
        {"steps": (800_000, "steps"), "epochs": (640, "epochs")},
    ),
    (
        "On each of four GPUs a batch of 4 sequences is processed.",
        {"batch_size_per_device": (4, "examples")},
    ),
    (
        "We train on the 52,002 examples of the cleaned Alpaca collection.",
        {"data.Alpaca": "Alpaca", "data.Alpaca.train": (52_002, "examples")},
    ),
    (
        "We use QM9 (53,571 / 2,512 / 12,851 molecules for training, validation and test).",
        {
            "data.QM9": "QM9",
            "data.QM9.train": (53_571, "examples"),
            "data.QM9.validation": (2_512, "examples"),
            "data.QM9.test": (12_851, "examples"),
        },
    ),
    ("A batch contains thirty-two windows.", {"batch_size": (32, "examples")}),
    (
        "We apply neither weight decay nor clipping, and no dropout is used.",
        {"weight_decay": 0, "dropout": 0},
    ),
    ("Our decoder has 12 layers.", {"num_hidden_layers": 12}),
    ("We optimise with Adam and keep its constants at their defaults.", {"optimiser": "Adam"}),
    (
        "The encoder has 12 blocks, hidden states of 768 dimensions and an MLP of size 3,072.",
        {"num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072},
    ),
    (
        "We use 64 queries per GPU, which results in an effective batch size of 1,024 queries.",
        {"batch_size_per_device": (64, "examples"), "batch_size": (1024, "examples")},
    ),
    (
        "We evaluate on HumanEval (164 problems) and AIME 2024 (30 problems).",
        {
            "data.HumanEval": "HumanEval",
            "data.HumanEval.test": (164, "examples"),
            "data.AIME 2024": "AIME 2024",
            "data.AIME 2024.test": (30, "examples"),
        },
    ),
    (
        "We train for 20 epochs. For Natural Questions the training lasts for 40 epochs.",
        {"epochs": (20, "epochs"), "data.Natural Questions": "Natural Questions"},
    ),
    ("Warmup lasts for 5% of training.", {"warmup": (0.05, "fraction")}),
    ("The learning rate is decayed linearly to zero.", {"schedule": "linear"}),
    ("Gradients are clipped to a maximum norm of 1.0.", {"gradient_clipping": 1}),
    (
        "We apply dropout with probability 0.1 and label smoothing of 0.1.",
        {"dropout": 0.1, "label_smoothing": 0.1},
    ),
    ("Inputs are truncated to 512 tokens.", {"sequence_length": (512, "tokens")}),
    (
        "We use 256×256 crops for training and evaluate on 512×512 images.",
        {"image_size": (256, "pixels")},
    ),
    (
        "The encoder has 12 layers, a hidden size of 768 and 12 attention heads.",
        {"num_hidden_layers": 12, "hidden_size": 768, "num_attention_heads": 12},
    ),
    (
        "Training took 14 hours on 8 NVIDIA V100 32GB GPUs.",
        {"accelerator": "V100 32GB", "accelerators": 8, "training_time": (14, "hours")},
    ),
    ("Results are averaged over five random seeds.", {"seeds": (5, "seeds")}),
    ("We run with seeds 1, 2 and 3.", {"seeds": ("1, 2, 3", "seed")}),
    ("We fix the random seed to 42.", {"seeds": (42, "seed")}),
    ("Following Liu et al. (2019), we use a dropout of 0.1.", {"dropout": 0.1}),
    (
        "Unlike Liu et al., who use a batch size of 8192, we use a batch size of 32.",
        {"batch_size": (32, "examples")},
    ),
    ("We use Adam rather than SGD.", {"optimiser": "Adam"}),
    (
        "We tried learning rates in {1e-5, 3e-5, 5e-5} and found 3e-5 to work best.",
        {"learning_rate": 3e-5},
    ),
    (
        "Our code is available at https://github.com/example/owl under the MIT license.",
        {"code": "https://github.com/example/owl", "code_licence": "MIT"},
    ),
    (
        "We use AdamW with momentum β1, β2 = 0.9, 0.95 and a weight decay of 10−4.",
        {"optimiser": "AdamW", "adam_beta1": 0.9, "adam_beta2": 0.95, "weight_decay": 1e-4},
    ),
    (
        "We set lr=5e-5, batch_size=16, warmup_steps=500 and weight_decay=0.01.",
        {
            "learning_rate": 5e-5,
            "batch_size": (16, "examples"),
            "warmup": (500, "steps"),
            "weight_decay": 0.01,
        },
    ),
    (
        "We train for 90 epochs, i.e. 450k iterations, with warm-up in the first five epochs.",
        {"epochs": (90, "epochs"), "steps": (450_000, "steps"), "warmup": (5, "epochs")},
    ),
    (
        "The learning rate grows linearly to 0.005 over 10 epochs and follows a half-cosine to 0.",
        {"learning_rate": 0.005, "warmup": (10, "epochs"), "schedule": "cosine"},
    ),
    (
        "The rate rises linearly over the first 6% of the steps and then falls linearly to zero.",
        {"warmup": (0.06, "fraction"), "schedule": "linear"},
    ),
    (
        "The learning rate starts from 0.1 and is divided by 10 when the error plateaus.",
        {"learning_rate": 0.1, "schedule": "reduce on plateau"},
    ),
    (
        "The base learning rate is set as 1e-3, and is dropped to 1e-4 and 1e-5 at the 170th and "
        "200th epochs, respectively.",
        {"learning_rate": 1e-3, "schedule": "step"},
    ),
    (
        "We use 500 steps of linear warmup followed by cosine decay to 10% of the peak.",
        {"warmup": (500, "steps"), "schedule": "cosine"},
    ),
    (
        "Each of the 8 GPUs holds 2 pairs, and gradients are accumulated over 4 steps, which gives "
        "a total batch size of 64 pairs.",
        {
            "batch_size_per_device": (2, "examples"),
            "gradient_accumulation_steps": (4, "steps"),
            "batch_size": (64, "examples"),
        },
    ),
    (
        "Batch: 4 sequences per GPU × 4 GPUs × 8 accumulation steps = 128 sequences.",
        {
            "batch_size_per_device": (4, "examples"),
            "gradient_accumulation_steps": (8, "steps"),
            "batch_size": (128, "examples"),
        },
    ),
    (
        "Duration: 2 epochs, which are 1,640 steps.",
        {"epochs": (2, "epochs"), "steps": (1640, "steps")},
    ),
    (
        "Training ran for 20 epochs with no weight decay or dropout.",
        {"epochs": (20, "epochs"), "weight_decay": 0, "dropout": 0},
    ),
    ("Label smoothing was not used.", {"label_smoothing": 0}),
    ("We clip the norm of gradients at 1.0.", {"gradient_clipping": 1}),
    ("We clip gradients whose norm exceeds 5.", {"gradient_clipping": 5}),
    (
        "Prompts are cut to 1,024 tokens, and prompt and answer together to 2,048 tokens.",
        {"sequence_length": (2048, "tokens")},
    ),
    (
        "Images are resized to 256×256 and randomly cropped to 224×224.",
        {"image_size": (224, "pixels")},
    ),
    ("The input size was 640.", {"image_size": (640, "pixels")}),
    (
        "Our encoder is RoBERTa-base, which has 12 layers, a hidden size of 768 and 12 attention "
        "heads (125M parameters).",
        {
            "architecture": "RoBERTa-base",
            "num_hidden_layers": 12,
            "hidden_size": 768,
            "num_attention_heads": 12,
            "parameters": (125_000_000, "parameters"),
        },
    ),
    (
        "We fine-tune Llama-3.1-8B.",
        {"architecture": "Llama-3.1-8B", "parameters": (8_000_000_000, "parameters")},
    ),
    (
        "We train on one node with 8 NVIDIA H100 80GB GPUs.",
        {"accelerator": "H100 80GB", "accelerators": 8},
    ),
    (
        "The training required 96 V100-hours.",
        {"accelerator": "V100", "training_time": (96, "accelerator hours")},
    ),
    ("Training takes 30 to 40 minutes on a T4.", {"accelerator": "T4", "accelerators": 1}),
    ("Each run is repeated five times with different seeds.", {"seeds": (5, "seeds")}),
    (
        "We use the RainEx dataset, with 2019 for training and 2020 for testing.",
        {"data.RainEx": "RainEx"},
    ),
    (
        "We use a batch size of 128, 200 epochs and a learning rate of 0.1 for training.",
        {"batch_size": (128, "examples"), "epochs": (200, "epochs"), "learning_rate": 0.1},
    ),
    (
        "Unless otherwise stated, we train for 50 epochs. For small data, we train for 200 epochs.",
        {"epochs": (50, "epochs")},
    ),
    (
        "We use a learning rate of 0.01. On ImageNet we train with a learning rate of 0.1.",
        {"learning_rate": 0.01, "data.ImageNet": "ImageNet"},
    ),
    (
        "The code is at https://github.com/example/owl (GPL-3.0).",
        {"code": "https://github.com/example/owl", "code_licence": "GPL-3.0"},
    ),
]


@pytest.mark.parametrize(("text", "values"), STATED, ids=[text[:40] for text, _ in STATED])
def test_what_the_authors_did_is_found(text: str, values: dict[str, Any]) -> None:
    assert found(text) == values


NOT_STATED = (
    "We compare against ViT-B/16, which is trained with AdamW and a learning rate of 3e-3.",
    "Hyperparameters of all baselines follow the original papers: batch size 128.",
    "The competing approach requires 8 A100 GPUs and trains for 500 epochs.",
    "We initially used a learning rate of 1e-3 but later switched to 5e-4.",
    "The discriminator uses a learning rate of 4e-4.",
    "The dropout rate was 0.2 for English and 0.3 for German.",
    "The learning rate is scaled as 0.1 × batch size / 256.",
    "Batch size and learning rate were 32 and 1e-4, respectively.",
    "The minimum learning rate is 1e-5.",
    "Training takes 12 minutes per epoch.",
    "Fine-tuning the model takes under 1 hour.",
    "Each experiment uses a single GPU (A100 or V100).",
    "The baseline uses a learning rate of 0.1 and was trained for 90 epochs.",
    "Liu et al. (2019) use a learning rate of 6e-4.",
    "Lee et al. (2021) showed that our choice of a learning rate of 1e-3 is too high.",
    "Their model was trained with a batch size of 4096.",
    "BERT was trained with a batch size of 256 for 1,000,000 steps.",
    "GPT-3 used batches of 3.2M tokens.",
    "The teacher is trained for 300 epochs with SGD.",
    "The original model was optimised with SGD.",
    "Increasing the dropout rate from 0.1 to 0.3 gave no gain.",
    "Reducing the batch size to 64 hurts performance.",
    "With a learning rate of 1e-3 training diverges.",
    "We sweep over learning rates 1e-3, 1e-4.",
    "We vary the batch size from 16 to 512.",
    "The dropout rate was 0.2 for the encoder and 0.3 for the decoder.",
    "The learning rate is 1e-5 for the encoder and 1e-3 for the head.",
    "Learning rates of 1e-5 (encoder) and 1e-4 (decoder) are used.",
    "For the small model we use a learning rate of 1e-3, and for the large model 3e-4.",
    "The first stage uses a batch size of 256 and the second stage uses 64.",
    "We train models with 3 and 6 layers.",
    "A typical choice is a weight decay of 0.1.",
    "In future work, we could train with a batch size of 8192.",
    "We do not use dropout of 0.5.",
    "We evaluate every 500 steps and keep the best checkpoint.",
    "At inference we use a batch size of 64 on a T4.",
    "We use an EMA with momentum 0.999.",
    "Batch normalization uses a momentum of 0.1.",
    "The noise schedule is linear from β1 = 1e-4 to βT = 0.02 over 1000 diffusion steps.",
    "The head is trained with a learning rate ten times larger.",
    "The corpus contains 960 hours of speech.",
    "The dataset was collected over 14 days by three annotators.",
    "We thank the lab for 8 A100 GPUs.",
    "Inference runs at 30 ms on a single RTX 3090.",
    "The context length is 8K tokens.",
    "The encoder is light, and a decoder with eight blocks of width 512 is thrown away.",
    "We train a small convolutional network with seven filters to predict the difficulty.",
    "Each batch contains one positive and seven negatives.",
    "We train with a single seed lexicon.",
    "States are projected by MLPs of size 256.",
    "As a third corpus we use recordings of talks.",
    "OwlTalk is MIT-licensed, whereas the Wren data is distributed under CC BY-NC 4.0.",
    "The total loss is the sum of a cross-entropy loss and a Dice loss.",
    "Images are split into patches of 16×16 pixels.",
    "The code of the baseline is at https://github.com/example/base under the MIT license.",
    "Our work is based on the official implementation at https://github.com/example/base.",
    "We also trained with AdamW and a weight decay of 0.01, for which the FID is 3.27.",
    "A trial with two steps of gradient accumulation gave an accuracy of 90.1%.",
    "In our first experiments we used a dropout of 0.5.",
    "For comparison we fine-tuned all weights with a learning rate of 1e-5.",
    "The LSTM of Jones [4] has 2 layers with 512 hidden units. It was trained for 20 epochs.",
    "The baseline was tuned in the same way; its best values are a dropout of 0.3 and 4 epochs.",
    "With 1e-5 training is cut off by the limit of epochs: 0.372.",
    "The linear classifier is trained for 100 epochs with a learning rate of 30.",
    "After training, weights are quantised and tuned for 5 more epochs with a dropout of 0.1.",
    "After pruning, the network is fine-tuned for 40 epochs.",
    "Each batch has 4,096 tokens on each of 8 GPUs.",
    "A batch of 64 labelled and 448 unlabelled images is drawn.",
    "Queries are cut at 32 tokens and passages at 144 tokens.",
    "Weight decay is not used for biases, and there is no dropout on embeddings.",
    "The value head is trained with a squared error weighted by 0.5, which is added to the loss.",
    "The clip range is 0.2.",
    "Dropout (p = 0.25) is applied before the last layer only.",
    "A residual dropout of 0.2 is used.",
    "The rate is scaled with the batch size, 40 epochs of it at first.",
    "The autoencoder was trained first, for 50 epochs at a learning rate of 1e-4.",
    "TRADES was run for 76 epochs with a learning rate of 0.1.",
)


@pytest.mark.parametrize("text", NOT_STATED, ids=lambda text: text[:40])
def test_what_others_did_and_what_was_only_tried_is_not_found(text: str) -> None:
    assert found(text) == {}


@pytest.mark.parametrize(
    "section",
    ["Related Work", "Background", "Baselines", "Ablation study", "Limitations", "References"],
)
def test_some_sections_are_not_about_what_was_done(section: str) -> None:
    text = "The model is trained with a learning rate of 1e-3 and a batch size of 64."
    assert found(text, section=section) == {}
    assert found(text) == {"learning_rate": 1e-3, "batch_size": (64, "examples")}


def test_a_subsection_of_related_work_is_related_work() -> None:
    document = written(
        "# T", "## 2 Related Work", "### 2.1 Training", "The learning rate is 0.1.", "## 3 Method",
        "### 3.1 Training", "The learning rate is 0.2.",
    )  # fmt: skip
    rate = extract(document).recipe.learning_rate
    assert rate is not None
    assert (rate.value, rate.section) == (0.2, "3.1 Training")


def test_a_paragraph_with_a_heading_in_its_line_is_what_the_heading_says() -> None:
    assert found("Baselines. The learning rate is 0.1.") == {}


def test_a_list_below_a_heading_is_what_the_heading_says() -> None:
    document = written(
        "# T", "## 3 Setup", "Our settings:", "- batch size: 128\n- seeds: 1, 2, 3",
        "Baseline settings:", "- batch size: 64\n- dropout: 0.1",
    )  # fmt: skip
    values = {name: each.value for name, each in extract(document).recipe.flat()}
    assert values == {"batch_size": 128, "seeds": "1, 2, 3"}


@pytest.mark.parametrize(
    ("title", "is_told"),
    [
        ("A Implementation details", True),
        ("B Hyperparameters", True),
        ("C Larger models", False),
        ("D Fine-tuning on more data", False),
        ("E Additional experiments", False),
    ],
)
def test_of_an_appendix_counts_what_tells_how_things_were_run(title: str, is_told: bool) -> None:
    document = written(
        "# T", "## 1 Method", "It is new.", "## 2 Conclusion", "It works.", f"## {title}",
        "The learning rate is 0.1.",
    )  # fmt: skip
    assert (extract(document).recipe.learning_rate is not None) == is_told


def test_values_in_a_section_on_results_are_those_of_variants() -> None:
    document = written(
        "# T", "## 3 Setup", "The learning rate is 0.1.", "## 4 Results",
        "Learning rate. At a learning rate of 0.2 accuracy is 91.2%.",
    )  # fmt: skip
    rate = extract(document).recipe.learning_rate
    assert rate is not None
    assert rate.value == 0.1


def test_of_several_stages_the_one_named_after_the_method_counts() -> None:
    document = written(
        "# OwlTune: Preferences of Owls", "## 4 Training",
        "Stage 1: SFT. We train for one epoch with a learning rate of 2e-5.",
        "Stage 2: OwlTune. We train for two epochs with a learning rate of 5e-7.",
    )  # fmt: skip
    values = {name: each.value for name, each in extract(document).recipe.flat()}
    assert (values["learning_rate"], values["epochs"]) == (5e-7, 2)


def test_a_stage_beside_the_main_training_contests_its_values_and_adds_none() -> None:
    document = written(
        "# T", "## 4 Training", "We use a learning rate of 2e-6 and a weight decay of 0.01.",
        "Cold start. We train for two epochs with a learning rate of 1e-5. Weight decay is 0.01.",
    )  # fmt: skip
    extracted = extract(document)
    values = {name: each.value for name, each in extracted.recipe.flat()}
    assert values == {"weight_decay": 0.01}
    assert [each.value for each in extracted.ambiguous["learning_rate"]] == [2e-6, 1e-5]
    assert [each.value for each in extracted.ambiguous["epochs"]] == [2]


@pytest.mark.parametrize(
    ("title", "is_told"),
    [("Configuration", True), ("Configuration of the full-context model", False)],
)
def test_an_appendix_on_another_model_is_not_about_the_authors(title: str, is_told: bool) -> None:
    document = written(
        "# T", "## Conclusion", "It works.", f"## Appendix A {title}", "The learning rate is 0.1."
    )
    assert (extract(document).recipe.learning_rate is not None) == is_told


def test_an_introduction_tells_of_others_unless_it_says_we() -> None:
    assert found("Trust regions are run for 1M steps.", section="Introduction") == {}


@pytest.mark.parametrize(
    ("title", "text", "task"),
    [
        ("Streaming Conformers", "End-to-end speech recognition is slow.", "speech recognition"),
        ("Sled: Language-Model Pre-Training on a Budget", "Tokens cost.", "language modelling"),
        ("Mixing Images", "They are used for image classification and object detection.", None),
    ],
)
def test_the_task_is_that_of_title_or_introduction(title: str, text: str, task: str | None) -> None:
    assert found(text, section="Introduction", title=title).get("task") == task


def test_two_values_for_one_name_are_none_and_both_are_told() -> None:
    extracted = extract(
        saying(
            "Pre-training uses a learning rate of 1e-4. Fine-tuning uses a learning rate of 2e-5."
        )
    )
    assert extracted.recipe.learning_rate is None
    assert [each.value for each in extracted.ambiguous["learning_rate"]] == [1e-4, 2e-5]


def test_the_same_value_twice_is_one() -> None:
    assert found("The learning rate is 1e-4. We keep a learning rate of 0.0001.") == {
        "learning_rate": 1e-4
    }


def test_a_method_of_the_authors_own_is_no_other_method() -> None:
    text = "OwlNet was trained with a batch size of 64."
    assert found(text) == {}
    assert found(text, title="OwlNet: Seeing at Night") == {"batch_size": (64, "examples")}


def test_the_quote_is_the_sentence_as_it_stands() -> None:
    text = r"Settings follow. We set   the learning" + "\n" + r"rate to $1\times10^{-4}$. It works."
    rate = extract(saying(text)).recipe.learning_rate
    assert rate is not None
    assert rate.sentence == r"We set the learning rate to $1\times10^{-4}$."
