"""NUL, which PostgreSQL takes in no text: a name with NUL is not found."""

from tests.system.servers import served


def test_it_is_404_in_a_path_and_401_in_a_name(postgres):
    with served(ACCOUNTS_STORE_URL=postgres.url) as server:
        token = server.joined("nul")
        for path in ("/v1/accounts/%00", "/v1/transfers/a%00b", "/v1/accounts/%00/statement"):
            assert server.ask("GET", path, token=token)[0] == 404
            assert server.ask("GET", path)[0] == 404
        wish = {"username": "\0", "password": "correct horse"}
        status, problem = server.ask("POST", "/v1/auth/login", wish)
        assert (status, problem["code"]) == (401, "invalid_credentials")
