"""Everything a server says to a page: plain answers and the queue's streams, as text."""
from playwright.sync_api import Page

LISTEN = """
(() => {
  const heard = window.heard = [], fetched = window.fetch
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked)
    if (answer.body && answer.url.includes("gradio_api")) read(answer.clone()).catch(isHangingUp)
    return answer
  }
  function isHangingUp(error) { if (error.name !== "AbortError") throw error }
  async function read(answer) {
    const number = heard.push("") - 1
    const decoder = new TextDecoder(), reader = answer.body.getReader()
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      heard[number] += decoder.decode(piece.value, { stream: true })
  }
})()
"""


def listen(page: Page) -> None:
    """Opens the page anew with its own `fetch` listened to."""
    page.add_init_script(LISTEN)
    page.reload()


def heard(page: Page) -> list[str]:
    """One text for each answer since `listen`, streams as far as they have come."""
    return page.evaluate("window.heard")
