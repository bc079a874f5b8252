"""What is sent, when, and what holds it back."""

import json

import pytest
import yaml

from ml_intern.tracing.upload import ledger
from ml_intern.tracing.upload.card import MARK
from ml_intern.tracing.upload.uploader import Pace, Uploads
from tests.support.hub import READ_TOKEN, SCOPED_TOKEN, TOKEN
from tests.support.hub.people import Bearer
from tests.tracing.upload.given import REPO, Session, World


def the_card(world: World):
    text = world.repository.files["README.md"].content.decode()
    return yaml.safe_load(text.split("---\n")[1])


def test_a_private_repository_is_made_with_a_card_that_names_the_files(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    assert world.sent == {session.path: session.content}
    assert world.repository.private
    fields = the_card(world)
    assert {"agent-traces", MARK} <= set(fields["tags"])
    assert [one["config_name"] for one in fields["configs"]] == ["default"]
    assert fields["configs"][0]["data_files"] == [{"split": "train", "path": "sessions/*/*.jsonl"}]
    assert world.uploader.uploads == Uploads()


def test_what_has_not_changed_makes_no_commit_over_days_and_restarts(world):
    Session(world.traces).turn()
    world.pass_by(86_400)
    world.new()
    world.pass_by(86_400)
    assert world.commits == 1


def test_many_sessions_go_in_one_commit_and_at_most_one_a_minute(world):
    sessions = [Session(world.traces, n).turn() for n in range(5)]
    for second in range(0, 600, 7):
        world.clock.after(second, lambda n=second: sessions[n % 5].turn())
    world.pass_by(700)
    assert world.sent == {one.path: one.content for one in sessions}
    assert 5 <= world.commits <= 12


def test_the_pace_is_kept_over_restarts(world):
    session = Session(world.traces).turn()
    for _ in range(6):
        world.new()
        world.pass_by(10)
        session.turn()
    assert world.commits == 1


def test_a_commit_takes_so_many_files_and_bytes_and_the_rest_comes_after(world):
    sessions = [Session(world.traces, n).turn() for n in range(7)]
    world.new(pace=Pace(most_files=3))
    world.pass_by(200)
    assert world.commits == 3
    world.new(pace=Pace(most_bytes=len(sessions[0].content) + 1))
    for one in sessions:
        one.turn()
    world.pass_by(600)
    assert world.commits == 10
    assert world.sent == {one.path: one.content for one in sessions}


def test_a_file_ends_before_the_first_call_that_has_no_answer(world):
    session = Session(world.traces).turn()
    before = session.content
    session.says().replies(calls=("call_1", "call_2")).answers("call_1")
    until_call = before + session.content[len(before) :].split(b"\n")[0] + b"\n"
    world.pass_by(30)
    assert world.sent == {session.path: until_call}
    session.answers("call_2")
    world.pass_by(120)
    assert world.sent == {session.path: session.content}


def test_a_half_line_is_not_sent(world):
    session = Session(world.traces).turn()
    whole = session.content
    with session.file.open("ab") as file:
        file.write(b'{"type":"user","mess')
    world.pass_by(30)
    assert world.sent == {session.path: whole}


def test_nothing_is_sent_before_both_sides_have_spoken(world):
    session = Session(world.traces).says()
    world.pass_by(120)
    assert not world.hub.datasets.has(REPO)
    session.replies()
    world.pass_by(120)
    assert world.sent == {session.path: session.content}


def test_a_secret_that_was_missed_holds_its_file_back_and_no_other(world):
    leaking = (
        Session(world.traces, 1).turn().says("the key is ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u")
    )
    leaking.replies()
    other = Session(world.traces, 2).turn()
    world.pass_by(120)
    assert world.sent == {other.path: other.content}
    assert world.uploader.uploads.held == 1
    (held,) = [one for one in world.uploader._spool.items(ledger.Known()) if one.state == "held"]
    assert held.reason.startswith("line 3 may hold a secret")


def test_a_broken_line_holds_its_file_back(world):
    session = Session(world.traces).turn()
    with session.file.open("ab") as file:
        file.write(b"\0\0\0\n")
    world.pass_by(120)
    assert not world.hub.datasets.has(REPO)
    assert world.uploader.uploads.held == 1


def test_a_file_that_was_written_anew_replaces_what_was_sent(world):
    session = Session(world.traces).turn("one").turn("two")
    world.pass_by(30)
    session.file.unlink()
    Session(world.traces).turn("three")
    world.pass_by(120)
    assert world.sent == {session.path: session.content}
    assert world.commits == 2


def test_subagents_get_their_configuration_with_their_first_file(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    folder = session.file.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    agent = folder / "agent-a1.jsonl"
    agent.write_bytes(session.content)
    (folder / "agent-a1.meta.json").write_text('{"agentType":"research"}')
    world.pass_by(120)
    names = [one["config_name"] for one in the_card(world)["configs"]]
    assert names == ["default", "subagents"]
    assert len(world.sent) == 3


def test_what_is_said_of_a_subagent_is_looked_at_for_secrets_too(world):
    session = Session(world.traces).turn()
    folder = session.file.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    words = "use ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0u"
    (folder / "agent-a1.meta.json").write_text(json.dumps({"description": words}))
    world.pass_by(30)
    assert world.sent == {session.path: session.content}
    assert world.uploader.uploads.held == 1


def test_without_a_token_nothing_is_asked_and_with_one_it_begins(world):
    Session(world.traces).turn()
    world.token = None
    world.pass_by(600)
    assert world.hub.requests == []
    assert world.uploader.uploads == Uploads(off="There is no token.")
    world.token = TOKEN
    world.pass_by(30)
    assert world.commits == 1
    assert world.uploader.uploads == Uploads()


def test_another_persons_token_sends_all_to_their_repository(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.people.tokens["hf_test_of_grace"] = Bearer("grace")
    world.token = "hf_test_of_grace"
    world.pass_by(30)
    theirs = world.hub.datasets.repository("grace/ml-intern-sessions")
    assert theirs.files[session.path].content == session.content
    assert world.commits == 1


# What the Hub does


def fail_at_commit(faults):
    faults.refuse(500, at="/commit/")


def lose_the_answer(faults):
    faults.lose_answer(at="/commit/")


def cut_the_answer(faults):
    faults.cut(at="/commit/")


def overtake(faults):
    faults.refuse(409, at="/commit/")


def limit(faults):
    faults.limit_rate(40, at="/commit/")


@pytest.mark.parametrize(
    "break_it", [fail_at_commit, lose_the_answer, cut_the_answer, overtake, limit]
)
def test_whatever_becomes_of_a_commit_it_is_made_once(world, break_it):
    session = Session(world.traces).turn()
    break_it(world.hub.faults)
    world.pass_by(30)
    world.pass_by(300)
    assert world.sent == {session.path: session.content}
    assert world.commits == 1
    assert world.trouble == ""


def test_what_was_not_sent_is_not_noted_as_sent(world):
    session = Session(world.traces).turn()
    world.hub.faults.refuse(500, at="/commit/", times=1000)
    world.pass_by(3600)
    assert "status 500" in world.trouble
    noted = json.loads((world.traces / ledger.UPLOADS).read_text())
    (entry,) = noted["repositories"].values()
    assert session.path not in entry["files"]


def test_a_hub_that_is_away_for_days_is_asked_less_and_less_and_then_gets_all(world):
    Session(world.traces).turn()
    world.pass_by(30)
    late = [Session(world.traces, n).turn() for n in range(2, 5)]
    world.hub.faults.refuse(503, times=10_000)
    before = len(world.hub.requests)
    world.pass_by(2 * 86_400)
    assert 90 <= len(world.hub.requests) - before <= 160  # about one each half hour
    assert "status 503" in world.trouble
    world.hub.faults.end()
    world.pass_by(1800)
    assert {one.path for one in late} < set(world.sent)
    assert world.trouble == ""


def test_a_limit_is_waited_out_as_long_as_the_hub_says(world):
    Session(world.traces).turn()
    world.hub.faults.limit_rate(1000, at="/whoami")
    world.pass_by(990)
    assert world.hub.asked("/api/whoami-v2") == 1
    world.pass_by(60)
    assert world.commits == 1


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("hf_wrong_token", "Set HF_TOKEN or hf_token to another one, or say `hf auth login`."),
        (READ_TOKEN, "rights to create a dataset"),
    ],
)
def test_a_token_that_may_not_is_named_and_asked_again_each_ten_minutes(world, token, words):
    Session(world.traces).turn()
    world.token = token
    world.pass_by(1795)
    assert words in world.trouble
    asked = "/api/whoami-v2" if token == "hf_wrong_token" else "/api/repos/create"
    assert world.hub.asked(asked) == 3
    world.token = TOKEN  # needs no restart
    world.pass_by(30)
    assert world.commits == 1
    assert world.trouble == ""


def test_a_token_that_lost_its_right_to_write_is_named(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.people.tokens[TOKEN] = Bearer("ada", "read")
    session.turn()
    world.pass_by(120)
    assert "write token" in world.trouble
    assert world.uploader.uploads.pending == 1


def test_a_repository_that_is_gone_is_not_made_again_before_a_person_says_so(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.datasets.remove(REPO)
    session.turn()
    world.pass_by(3600)
    assert not world.hub.datasets.has(REPO)
    assert "is gone" in world.trouble
    known = ledger.Ledger.load(world.traces)
    ledger.decide(world.traces, known.now, anew_after=known.known.head)
    world.pass_by(60)
    assert world.sent == {session.path: session.content}
    assert world.trouble == ""
    assert world.repository.private


def test_a_repository_that_the_token_cannot_see_is_told_from_one_that_is_gone(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.token = SCOPED_TOKEN
    session.turn()
    world.pass_by(60)
    assert "the token has no right" in world.trouble
    world.token = TOKEN
    world.pass_by(60)
    assert world.sent == {session.path: session.content}


def test_a_repository_that_the_token_could_never_see_is_told(world):
    world.hub.datasets.add(REPO)
    world.hub.people.tokens[TOKEN] = Bearer("ada", sees=False)
    Session(world.traces).turn()
    world.pass_by(3600)
    assert "not found" in world.trouble
    assert world.commits == 0


def test_a_repository_that_was_emptied_is_not_filled_again_by_itself(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.hub.datasets.remove(REPO)
    world.hub.datasets.add(REPO)
    session.turn()
    world.pass_by(120)
    assert world.commits == 0
    assert "was emptied" in world.trouble


def test_a_file_that_a_person_deleted_is_not_sent_again_and_the_others_are(world):
    one, two = Session(world.traces, 1).turn(), Session(world.traces, 2).turn()
    world.pass_by(30)
    world.repository.delete(one.path)
    for each in (one, two):
        each.turn()
    world.pass_by(120)
    world.new()
    one.turn()
    world.pass_by(7200)
    assert world.sent == {two.path: two.content}


def test_a_session_that_a_person_deleted_is_not_sent_in_its_later_parts_either(world):
    session, other = Session(world.traces, 1).turn(), Session(world.traces, 2).turn()
    world.pass_by(30)
    world.repository.delete(session.path)
    part = Session(world.traces, 3)
    continues = {"continues": {"sessionId": session.id, "number": 2}}
    part.file.write_bytes(json.dumps({"type": "user", "mlIntern": continues}).encode() + b"\n")
    part.turn()
    agents = session.file.with_suffix("") / "subagents"
    agents.mkdir(parents=True)
    (agents / "agent-a1.jsonl").write_bytes(session.content)
    other.turn()
    world.pass_by(120)
    part.turn()
    world.pass_by(120)
    assert world.sent == {other.path: other.content}


def test_a_file_that_a_person_changed_is_left_as_it_is(world):
    one, two = Session(world.traces, 1).turn(), Session(world.traces, 2).turn()
    world.pass_by(30)
    world.repository.edit(one.path, b"without what I did not want there\n")
    for each in (one, two):
        each.turn()
    world.pass_by(120)
    assert world.sent == {one.path: b"without what I did not want there\n", two.path: two.content}
    assert world.uploader.uploads.held == 1


def test_what_is_there_already_is_known_by_its_hash_when_the_ledger_is_lost(world):
    one, two = Session(world.traces, 1).turn(), Session(world.traces, 2).turn()
    world.hub.datasets.lfs_from = 10
    world.pass_by(30)
    (world.traces / ledger.UPLOADS).unlink()
    two.turn()
    world.new()
    world.pass_by(120)
    assert world.sent == {one.path: one.content, two.path: two.content}
    assert world.repository.commits[-1].changed == {two.path}


def test_a_repository_of_somebody_else_is_not_touched_before_a_person_says_so(world):
    world.hub.datasets.add(REPO).edit("README.md", b"---\nlicense: mit\ntags: [mine]\n---\nMine.\n")
    session = Session(world.traces).turn()
    world.pass_by(120)
    assert world.commits == 1
    assert "was not made by ml-intern" in world.trouble
    key = ledger.Ledger.load(world.traces).now
    ledger.decide(world.traces, key, foreign=True)
    world.pass_by(60)
    assert world.sent == {session.path: session.content}
    fields = the_card(world)
    assert (fields["license"], fields["tags"][0]) == ("mit", "mine")
    assert world.repository.files["README.md"].content.endswith(b"---\nMine.\n")


def test_a_repository_that_became_public_is_sent_nothing_before_a_person_says_so(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.repository.private = False
    session.turn()
    world.pass_by(120)
    assert world.commits == 1
    assert "is public" in world.trouble
    ledger.decide(world.traces, ledger.Ledger.load(world.traces).now, public=True)
    world.pass_by(120)
    assert world.sent == {session.path: session.content}
    assert not world.repository.private  # as somebody set it


def test_the_card_is_written_once_and_then_belongs_to_people(world):
    session = Session(world.traces).turn()
    world.pass_by(30)
    world.repository.edit("README.md", b"---\nlicense: mit\n---\nOurs now.\n")
    session.turn()
    world.pass_by(120)
    assert world.repository.files["README.md"].content == b"---\nlicense: mit\n---\nOurs now.\n"
    assert world.sent == {session.path: session.content}


def test_two_daemons_share_a_repository(server, world, tmp_path):
    other = World(server, tmp_path / "other")
    mine, theirs = Session(world.traces, 1).turn(), Session(other.traces, 2).turn()
    for _ in range(3):
        for each in (world, other):
            each.pass_by(120)
        mine.turn()
        theirs.turn()
    for each in (world, other):
        each.pass_by(120)
    assert world.sent == {mine.path: mine.content, theirs.path: theirs.content}


def test_a_ledger_that_cannot_be_written_is_told_and_nothing_is_sent(world):
    session = Session(world.traces).turn()
    (world.traces / ledger.UPLOADS).mkdir()
    world.pass_by(120)
    assert world.sent == {}
    assert "Is a directory" in world.trouble
    (world.traces / ledger.UPLOADS).rmdir()
    world.pass_by(3600)
    assert world.sent == {session.path: session.content}
