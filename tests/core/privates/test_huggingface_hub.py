"""The HTTP library that huggingface_hub uses, when another one is installed beside it."""

from huggingface_hub import HfApi
from huggingface_hub.utils import get_session

from callsheet.privates.huggingface_hub import http_library

httpx = http_library()


def test_it_is_the_library_of_huggingface_hubs_own_client():
    assert isinstance(get_session(), httpx.Client)


def test_a_hub_out_of_reach_raises_its_error(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    try:
        HfApi(endpoint="http://127.0.0.1:9").model_info("me/model", timeout=1)
    except httpx.HTTPError as error:
        assert isinstance(error, httpx.TransportError)
    else:
        raise AssertionError("port 9 answered")
