"""The stand-in answers as the Hub's own client expects."""

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from tests.support.hub import HubServer, a_machine
from tests.support.hub.people import TOKEN


@pytest.fixture
def hub():
    with HubServer() as server:
        yield server


def test_the_clients_own_reader_understands_the_list(hub):
    found = HfApi(endpoint=hub.url, token=TOKEN).list_jobs_hardware()
    by_name = {one.name: one for one in found}
    assert by_name["a10g-large"].accelerator.vram == "24 GB"
    assert by_name["cpu-basic"].accelerator is None
    assert (by_name["cpu-basic"].unit_cost_micro_usd, by_name["cpu-basic"].unit_label) == (
        167,
        "minute",
    )
    assert hub.requests[-1].token == TOKEN


def test_a_wrong_token_is_refused(hub):
    with pytest.raises(HfHubHTTPError) as refused:
        HfApi(endpoint=hub.url, token="hf_wrong_token").list_jobs_hardware()
    assert refused.value.response.status_code == 401


def test_faults_come_in_their_order_and_end(hub):
    api = HfApi(endpoint=hub.url, token=False)
    hub.faults.refuse(500)
    hub.faults.limit_rate(55)
    hub.faults.cut()
    with pytest.raises(HfHubHTTPError, match="500"):
        api.list_jobs_hardware()
    with pytest.raises(HfHubHTTPError) as limited:
        api.list_jobs_hardware()
    assert limited.value.response.headers["RateLimit"] == '"api";r=0;t=55'
    with pytest.raises(httpx.TransportError):
        api.list_jobs_hardware()
    hub.jobs.hardware = [a_machine("one", 5)]
    assert [one.name for one in api.list_jobs_hardware()] == ["one"]
