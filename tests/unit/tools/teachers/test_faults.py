"""The buying process is killed at random moments while three replies in ten are spoiled; what both sides wrote down must agree."""

import pytest

from support.fake_teacher import FakeTeacher, buy, buy_and_be_killed, proven

pytest.importorskip("httpx", reason="pip install 'kubestill[http]'")


def test_all_is_bought_once_and_nothing_malformed_admitted_though_the_buyer_is_killed(tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    with FakeTeacher().serving() as server:
        last, killed = buy_and_be_killed(server, ledger, 300, 5)
        figures = proven(server, ledger, 300)
        assert killed == 5 and not last["stopped"] and figures["unanswerable"] <= 3
        assert figures["answered"] + figures["unanswerable"] + figures["sent, unknown twice"] == 300
        assert figures["sent, unknown twice"] < 20
        assert sum(bool(number) for number in server.faults.values()) > 15  # kinds
        assert set(server.authorized) == {"Bearer sk-a-very-secret-key"}
        received = server.received
        assert buy(ledger, server.url, 300)["calls"] == 0 and server.received == received
        buy(ledger, server.url, 300, unknown_again=5)  # who takes the risk of paying more often gets every answerable one
        assert proven(server, ledger, 300)["answered"] == 297


@pytest.mark.parametrize("limits", [{"tokens": 5_000}, {"money": 0.015}])
def test_no_budget_is_overspent_by_questions_under_way(tmp_path, limits):
    ledger, (name,) = tmp_path / "ledger.sqlite", limits
    with FakeTeacher().serving() as server:
        told = buy(ledger, server.url, 60, **limits)
        again = buy(ledger, server.url, 60, **limits)
        assert f"limits.{name}: the budget is spent" in told["stopped"] and told["calls"] > 10 and again["calls"] <= told["calls"] / 3
        assert 0 < server.tokens <= limits.get("tokens", 5_000)
        assert 2 * server.prompt_tokens + 6 * server.reply_tokens <= limits.get("money", 1) * 1e6
        assert not buy(ledger, server.url, 60)["stopped"]  # with a larger one it goes on
        proven(server, ledger, 60)
