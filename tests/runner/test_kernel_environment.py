"""What kernels inherit: nothing that opens a door, everything that they need."""

from __future__ import annotations

import pytest

from crm_utils.runner.environment import for_kernels

SECRETS = [
    "CRM_PSEUDONYM_KEY", "CRM_DATABASE_USER", "CRM_DATABASE_PASSWORD", "SHOP_KR_USER", "SHOP_KR_PASSWORD",
    "shop_kr_password", "PGPASSWORD", "PGPASSFILE", "MYSQL_PWD", "DB_PASS", "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "API_KEY", "APIKEY", "OPENAI_API_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_STORAGE_CONNECTION_STRING", "SLACK_WEBHOOK_URL", "SSH_AUTH_SOCK",
    "SENTRY_DSN", "SMTP_PASSWD", "SESSION_COOKIE", "GPG_PASSPHRASE", "CLIENT_SECRET",
]  # fmt: skip
NEEDED = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "PWD", "OLDPWD", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV",
          "CRM_ROOT", "SYSTEMROOT", "USER", "COLUMNS", "LD_LIBRARY_PATH"]  # fmt: skip
SOURCE = {
    "kind": "database",
    "credentials": "SHOP_KR",
    "url": "postgresql://db/shop",
    "tables": {"a": {"b": ["PATH"]}},
}


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_stay_with_the_runner(name: str) -> None:
    assert for_kernels({name: "s3cret"}, SOURCE) == {}


def test_addresses_with_a_password_stay_with_the_runner() -> None:
    opens = {"DATABASE_URL": "postgresql://crm:s3cret@db/shop", "HTTPS_PROXY": "http://me:pw@proxy:3128"}
    assert for_kernels(opens | {"HTTP_PROXY": "http://proxy:3128"}, SOURCE) == {
        "HTTP_PROXY": "http://proxy:3128"
    }


def test_what_opens_the_engine_comes_with_them_and_the_key_never() -> None:
    environment = {"CRM_SPARK_TOKEN": "s3cret", "CRM_PSEUDONYM_KEY": "s3cret", "API_KEY": "s3cret"}
    opens = ("CRM_SPARK_TOKEN", "CRM_PSEUDONYM_KEY", "NOT_SET")
    assert for_kernels(environment, SOURCE, opens=opens) == {"CRM_SPARK_TOKEN": "s3cret"}


def test_what_kernels_need_comes_with_them() -> None:
    assert list(for_kernels(dict.fromkeys(NEEDED, "x"), SOURCE)) == NEEDED
