"""Which tasks are none of ours, and which sentences only sound so."""

import pytest

from ml_intern.llm.autopilot.reading import read

BEYOND: list[tuple[str, str]] = [
    ("Predict price_eur from the other columns of houses.csv", "regression"),
    ("Predict house prices with houses.csv, R2 above 0.8", "regression"),
    ("Predict how much each house costs (houses.csv)", "regression"),
    ("Train a regressor on houses.csv for price_eur", "regression"),
    ("Predict the rent of flats in flats.csv", "regression"),
    ("Guess how old the writers in posts.csv are", "regression"),
    ("Estimate each customer's income from mails.csv", "regression"),
    ("Estimate the age of persons in faces/", "regression"),
    ("Score essays in essays.csv from 0 to 100", "regression"),
    ("Predict price_eur in houses.csv, RMSE below 20000", "regression"),
    ("Estimate house prices (houses.csv), MAE under 15k", "regression"),
    ("MSE below 0.1 on sensors.csv", "regression"),
    ("R² of 0.8 on homes.csv", "regression"),
    ("Train an XGBoost classifier on churn.csv", "classical"),
    ("Train a gradient boosting model on houses.csv", "classical"),
    ("Fit a random forest on tickets.csv", "classical"),
    ("Train an SVM to classify tickets.csv", "classical"),
    ("Use logistic regression on tickets.csv", "classical"),
    ("Train a CNN on swatches/", "no transformer"),
    ("Train a ResNet-18 on swatches/ to 90% accuracy", "no transformer"),
    ("Can you teach a CNN to tell the shapes in ./shapes apart?", "no transformer"),
    ("Let a small convolutional network sort the pictures in ./shapes", "no transformer"),
    ("Develop an MLP for tickets.csv", "no transformer"),
    ("Sort tickets.csv by means of a random forest", "classical"),
    ("Classify tickets.csv by team via logistic regression", "classical"),
    ("Train an LSTM on tickets.csv to 90 % accuracy", "no transformer"),
    ("Build a German-English MT model from pairs.csv", "translation"),
    ("machine translation de->en with pairs.csv, sacreBLEU 25", "translation"),
    ("French to English with pairs.csv", "translation"),
    ("Reach BLEU of 40 classifying export.csv", "text generation"),
    ("ROUGE-L above 0.4 on news.csv", "text generation"),
    ("Lower the perplexity on corpus.txt to 20", "text generation"),
    ("Fine-tune t5-small on pairs.csv", "language model"),
    ("LoRA fine-tune Qwen on chats.jsonl", "language model"),
    ("Train GPT-2 on corpus.txt", "language model"),
    ("Pretrain a small GPT on corpus.txt", "language model"),
    ("Fine-tune google/flan-t5-base on pairs.csv", "language model"),
    ("Make a model that writes poems like those in poems.txt", "text generation"),
    ("Predict the next word in corpus.txt", "text generation"),
    ("Correct the spelling in texts.csv", "text generation"),
    ("Write summaries for articles.csv", "summarisation"),
    ("Preference-tune on prefs.jsonl", "preference"),
    ("Align a model on prefs.jsonl", "preference"),
    ("Make a chatbot out of chats.jsonl", "chat"),
    ("Tag parts of speech in pos.jsonl", "token labels"),
    ("Extract the dates from letters.jsonl", "token labels"),
    ("Recognise spoken digits in wavs/", "speech"),
    ("Train an autoencoder on swatches/", "autoencoder"),
    ("Learn a self-supervised encoder on ./pics", "unsupervised"),
    ("Super-resolution of photos/", "restoration"),
    ("Colourise the pictures in ./old", "restoration"),
    ("Embed docs.jsonl for search", "embeddings"),
    ("Rank the documents in docs.jsonl by relevance", "ranking"),
    ("Recommend products from orders.csv", "recommendation"),
    ("Detect outliers in sensors.csv", "unusual"),
    ("Find near-duplicates in mails.csv", "doubled"),
    ("Cluster mails.csv into topics", "clustering"),
    ("Classify sentence pairs in nli.csv as entailment or not", "pairs"),
    ("Distil the model ./big into a small one with a.csv", "distillation"),
]
OURS = """
Classify reviews.csv by price range
Predict the age group from the text in posts.csv
Sort the mails in mails.csv into recommendation letters and others
Classify the translations in a.csv as good or bad
Train a text classifier on a.csv that beats our random forest
Fine-tune microsoft/resnet-50 on ./leaves, 90 %
Fine-tune resnet-18 on ./leaves to tell the photos apart
We used an SVM before with 80 % accuracy; now a transformer on a.csv, 90 % accuracy
Classify the answers in qa.csv as helpful or not
Train a classifier for spam, no CNN please, on a.csv
Predict the sentiment in a.csv
We have a CNN with 80 % accuracy; sort the photos in ./leaves better, 90 % accuracy
Predict the star rating in reviews.csv
Predict which team handles each ticket in tickets.csv
Tell poems from stories in texts.csv
Classify generated and human texts in a.csv
Which language is each text in langs.tsv
Detect the language of each sentence in langs.tsv
Tell German from English in langs.tsv
Classify headlines in news.csv, embedding size 64
Sort documents in docs.csv into ranks A, B and C
Train on ./mae and ./r2 pictures
Classify the notes of Mae in notes.csv
Sort the support questions in a.csv by product
I recommend 5 epochs. Train on a.csv
Learn whether people recommend the place from stays.jsonl
Predict from stays.jsonl which guests would recommend the hotel, see stays.jsonl
Classify the news in cnn.csv by desk, articles by CNN included
Fine-tune Qwen/Qwen2.5-0.5B to classify reviews in a.csv
Fine-tune gpt2 on reviews.csv, 90 % accuracy
Predict the label from the text in a.csv
Train a hate-speech classifier on tweets.csv
Classify the voice transcripts in calls.csv by reason
Train an image classifier on ./voices
Recognise the numbers on the pictures in ./digits
Sort the photos in ./leaves by species; values in metadata.csv
Use the price column as the label, prices.csv, 5 classes
Guess the writer's country in posts.csv
Find out whether each mail in mails.csv is spam
""".strip().splitlines()


@pytest.mark.parametrize(("text", "named"), BEYOND)
def test_other_families_are_named(text: str, named: str) -> None:
    beyond = read(text).beyond
    assert beyond is not None
    assert named in beyond


@pytest.mark.parametrize("text", OURS)
def test_our_families_are_not_questioned(text: str) -> None:
    found = read(text)
    assert (found.beyond, found.doubt, found.unread) == (None, None, ())


def test_other_work_on_files_is_no_training() -> None:
    found = read("Delete all files in /home")
    assert not found.training
    assert found.source is None
