import socket
from pathlib import Path

import pytest

from kubestill.cli.main import answer
from kubestill.ground.errors import UserError
from kubestill.ground.settings import read_settings
from kubestill.serving.http.settings import HttpSettings, is_loopback

KEY = "0123456789abcdef"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.com", "localhost.example.com", "", "127.0.0.1.example.com"])
def test_others_are_let_in_only_with_a_key(host: str) -> None:
    with pytest.raises(UserError, match="no API key"):
        HttpSettings(host=host)
    assert HttpSettings(host=host, keys=(KEY,)).host == host and not is_loopback(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    assert is_loopback(HttpSettings(host=host).host)


@pytest.mark.parametrize("key", ["", "tiny", "with a space in it", "ünïcödé-ünïcödé", "line\nbreak-0123456789"])
def test_a_key_that_is_guessed_or_that_no_header_carries(key: str) -> None:
    with pytest.raises(UserError) as error:
        HttpSettings(keys=(KEY, key))
    assert "API key 2" in str(error.value) and (not key or key not in str(error.value))


def test_keys_come_from_the_environment() -> None:
    settings = read_settings({"KUBESTILL_API_KEYS": f"{KEY}a, {KEY}b\n{KEY}c"})
    assert settings.api_keys == (f"{KEY}a", f"{KEY}b", f"{KEY}c") and KEY not in repr(settings)


def test_the_command_refuses_in_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBESTILL_API_KEYS", raising=False)
    (tmp_path / "empty").write_text("# none\n\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for options, told in (
            (["--host", "0.0.0.0"], "others can reach it, and there is no API key"),
            (["--api-key-file", str(tmp_path / "none")], "No such file"),
            (["--api-key-file", str(tmp_path / "empty")], "holds no key"),
            (["--model", "nothing-of-that-name"], "nothing-of-that-name"),
            (["--port", port], "in use"),
        ):
            assert answer(["serve", "--workspace", str(tmp_path), *options]) == 2
            error = capsys.readouterr().err
            assert told in error and error.count("\n") == 1, error
