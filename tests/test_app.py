"""The page as a whole: its tabs, its wiring, and what it keeps shut."""
import gradio as gr
import httpx
import pytest

from app import shell, tabs
from engine.core import plugins


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELMA_RUNS", str(tmp_path_factory.mktemp("runs")))
        demo = shell.build()
        demo.launch(**shell.launch_options(), prevent_thread_lock=True, quiet=True)
        yield demo
        demo.close()


def test_the_tabs_stand_in_pipeline_order(served):
    shown = [block.id for block in served.blocks.values() if isinstance(block, gr.Tab)]
    assert [name for name in shown if name in tabs.PIPELINE] == tabs.TABS


def test_no_tab_is_forgotten():
    assert sorted(plugins.names(tabs)) == sorted(tabs.PIPELINE)


@pytest.mark.parametrize("name", tabs.TABS)
def test_a_tab_keeps_its_promise(name):
    tab = plugins.load(tabs, name)
    assert tab.TITLE and tab.__doc__ and callable(tab.build)


def test_nothing_is_measured_and_no_door_is_open(served):
    assert httpx.get(served.local_url + "config").json()["analytics_enabled"] is False
    for path in ("monitoring", "gradio_api/file=README.md", "gradio_api/file=/etc/hostname"):
        assert httpx.get(served.local_url + path).status_code in (403, 404), path


def test_the_page_asks_no_other_host_for_anything(served):
    """Neither the theme nor our styles and scripts name one; the browser tests watch the requests themselves."""
    options = shell.launch_options()
    assert not options["theme"]._stylesheets and not options["theme"]._font_css
    styles = [options.get("head", ""), *(path.read_text() for path in options.get("css_paths", []))]
    assert not any("http" in text.replace("http://www.w3.org", "") for text in styles)
