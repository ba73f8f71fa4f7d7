"""Secrets have no way out but `reveal`."""

from __future__ import annotations

import pickle

import pytest

from artifact_tui.clients.rest.rest_settings import Login, RestOptions
from artifact_tui.clients.servers import Secret

CANARY = "canary-7f3a"


def test_nothing_shows_it() -> None:
    secret = Secret(f" bearer {CANARY}\n")
    options = RestOptions(token=secret, login=Login("me", secret))
    shown = [repr(secret), str(secret), f"{secret}", repr(options), repr([secret])]
    assert not [text for text in shown if CANARY in text]
    assert secret.reveal() == f"bearer {CANARY}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_it_is_cut_out_of_texts_with_and_without_its_scheme() -> None:
    secret = Secret(f"bearer {CANARY}")
    assert secret.scrub(f"bad token {CANARY}!") == "bad token ***!"
    assert secret.scrub(f"got 'bearer {CANARY}'") in {"got '***'", "got 'bearer ***'"}
    assert Secret("ab").scrub("cab") == "cab"
    assert Secret("").scrub("text") == "text"


def test_equality_and_truth() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret(" ")
