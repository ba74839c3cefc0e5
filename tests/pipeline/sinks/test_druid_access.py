"""How a system shows Druid who it is."""

import base64
import pathlib

import pytest

from deploy.machine.certificate import make_certificate
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.sinks.druid_access import druid_access


def test_a_druid_of_this_machine_without_keys_is_asked_in_the_clear(tmp_path: pathlib.Path) -> None:
    access = druid_access(Settings(folder=str(tmp_path)))
    assert access == ("http://127.0.0.1:18082", "http://127.0.0.1:18083", None, {})


def test_the_certificate_that_the_stack_made_is_found_in_its_folder(tmp_path: pathlib.Path) -> None:
    make_certificate(tmp_path / "druid" / "keys")
    access = druid_access(Settings(folder=str(tmp_path)))
    assert access[:2] == ("https://127.0.0.1:18082", "https://127.0.0.1:18083")
    assert access.tls is not None
    assert len(access.tls.get_ca_certs()) == 1  # it trusts this Druid and nobody else


def test_the_stacks_certificate_is_shown_to_no_druid_of_another_machine(tmp_path: pathlib.Path) -> None:
    make_certificate(tmp_path / "druid" / "keys")
    access = druid_access(Settings(folder=str(tmp_path), druid_host="druid.example"))
    assert access == ("http://druid.example:18082", "http://druid.example:18083", None, {})


def test_a_given_druid_is_asked_with_the_password_that_the_settings_name(tmp_path: pathlib.Path) -> None:
    certificate = make_certificate(tmp_path / "keys")
    file = tmp_path / "password"
    file.write_text("se:cret\n")
    settings = Settings(
        druid_host="druid.example", druid_user="fraud", druid_password_file=str(file), druid_ca_file=str(certificate.client)
    )
    access = druid_access(settings)
    assert access.broker == "https://druid.example:18082"
    assert access.headers == {"Authorization": "Basic " + base64.b64encode(b"fraud:se:cret").decode()}


@pytest.mark.parametrize("given", [{"druid_user": "fraud", "druid_password_file": "/none"}, {"druid_ca_file": "/none"}])
def test_a_file_that_is_not_there_is_named(given: dict[str, str]) -> None:
    with pytest.raises(Refusal, match="/none"):
        druid_access(Settings(**given))  # type: ignore[arg-type] - all of these are texts
