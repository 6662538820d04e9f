"""Users from elsewhere, many at once: on the embedded engine in transactions."""

from __future__ import annotations

import lambdatotp
from lambdatotp._lambdatotp import ImportOutcome, StoredUser, UserState, import_users

from tests.python.support.codes import LEGACY


def stored(user):
    return StoredUser(user, lambdatotp.Totp(lambdatotp.Secret.generate()), UserState())


def read_again(user):
    """Read the same row in another run."""
    return StoredUser(user.user, user.totp, user.state)


def test_a_second_try_knows_what_the_first_one_wrote(engine):
    """After a time-out, nobody can tell whether a write arrived: the row itself can."""
    verifier = engine.verifier()
    users = [stored(f"user{number}") for number in range(5)]
    import_users(verifier, users[:3])
    verifier.delete("user1")
    before = engine.get("user0")
    for _ in range(2):
        answers = import_users(verifier, users)
        assert {answer.outcome for answer in answers} == {ImportOutcome.NEW}
    assert engine.get("user0") == before
    assert import_users(verifier, [read_again(users[0])])[0].outcome == ImportOutcome.SAME


def test_one_that_is_refused_stops_no_other(engine):
    verifier = engine.verifier()
    users = [stored(f"user{number}") for number in range(330)]
    # One of each kind in three transactions, and a fourth one without.
    engine.put("user7", secret=LEGACY)
    import_users(verifier, [read_again(users[150])])
    verifier.register("user220")
    verifier.delete("user220")
    users[299] = stored("x" * 257)
    answers = import_users(verifier, users)
    odd = {number: answer for number, answer in enumerate(answers) if answer.problem}
    assert {number: answer.outcome for number, answer in odd.items()} == {
        7: ImportOutcome.REFUSED,
        299: ImportOutcome.REFUSED,
    }
    assert "another secret" in odd[7].problem
    assert answers[150].outcome == ImportOutcome.SAME
    new = [answer for answer in answers if answer.outcome == ImportOutcome.NEW]
    assert len(new) == 327
    assert engine.get("user7") == {"user_id": "user7", "secret": LEGACY}
    for number in (0, 6, 8, 220, 329):
        assert verifier.verify(f"user{number}", users[number].totp.now())
    # And again, as after an interruption.
    again = import_users(verifier, [read_again(user) for user in users[100:200]])
    assert {answer.outcome for answer in again} == {ImportOutcome.SAME}
