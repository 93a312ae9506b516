"""Voters are the server's own: made, signed and counted by it."""
import multiprocessing
import stat

import pytest

from engine.core.errors import EngineError
from engine.votes import voters
from engine.votes.schema import VOTER_LENGTH
from engine.votes.voters import Signer


@pytest.fixture(autouse=True)
def no_secret(monkeypatch):
    monkeypatch.delenv("SELMA_SECRET", raising=False)


@pytest.fixture
def signer():
    return Signer(b"s" * 32)


def test_a_voter_is_known_again_by_its_token_alone(signer):
    voter = signer.new_voter("page")
    assert signer.verify(voter.token) == voter and len(voter.id) == 22 <= VOTER_LENGTH
    assert signer.new_voter("page") == voter != signer.new_voter("another page")
    assert Signer(b"t" * 32).verify(voter.token) is None
    assert signer.new_voter(None) != signer.new_voter(None)
    assert signer.verify(signer.new_voter("half \ud800").token)


def test_nothing_else_is_known(signer):
    token = signer.new_voter("page").token
    changed = f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}"
    invented = [changed, token.partition(".")[0], f"x{token}", f"{token}=", "", ".", "v" * 200_000,
                f"{'v' * 200_000}.{token}", "ü.ü", "\ud800.x", None, 7, ["v"], {"id": token}, True]
    assert [signer.verify(one) for one in invented] == [None] * len(invented)


def test_a_page_keeps_its_voter_and_gets_one_for_what_was_not_signed_here(signer):
    voter = signer.new_voter("page")
    assert signer.voter(voter.token, "another page") == voter
    assert signer.voter("invented", "page") == signer.voter("", "page") == voter


def test_the_secret_is_made_once_and_is_its_owners(tmp_path):
    file = tmp_path / "runs" / ".secret"
    made = voters.secret(file)
    assert voters.secret(file) == made == file.read_bytes() and len(made) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [".secret"]


def test_a_secret_that_was_cut_short_is_made_anew(tmp_path):
    file = tmp_path / ".secret"
    file.write_bytes(b"short")
    assert len(voters.secret(file)) == 32 == len(file.read_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_system_without_links_keeps_a_secret_too(tmp_path, monkeypatch):
    def refuses(*_):
        raise PermissionError(1, "Operation not permitted")
    monkeypatch.setattr(voters.os, "link", refuses)
    made = voters.secret(tmp_path / ".secret")
    assert voters.secret(tmp_path / ".secret") == made and len(list(tmp_path.iterdir())) == 1


def test_the_environments_secret_is_taken_when_it_cannot_be_guessed(tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_SECRET", "of sixteen or more letters")
    assert voters.secret(tmp_path / ".secret") == b"of sixteen or more letters"
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("SELMA_SECRET", "guess")
    with pytest.raises(EngineError, match="5 letters and can be guessed"):
        voters.secret(tmp_path / ".secret")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "runs").write_text("no folder")
    with pytest.raises(EngineError, match="cannot be kept .*Set SELMA_SECRET"):
        voters.secret(tmp_path / "runs" / ".secret")


def make_secret(file, start, results):
    start.wait()
    results.put(voters.secret(file))


def test_servers_that_start_at_once_share_one_secret(tmp_path):
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(3), context.Queue()
    given = (tmp_path / ".secret", start, results)
    workers = [context.Process(target=make_secret, args=given) for _ in range(3)]
    for worker in workers:
        worker.start()
    made = {results.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join(10)
    assert made == {(tmp_path / ".secret").read_bytes()}
