"""The page's frame: every press gets its answer, however busy page and server are.

Gradio 6.31 sends a page's answers through one stream and ends it with the last answer. What is
pressed just then joins the queue after the stream has ended on the server; where its join is
confirmed before the page has read that end, the page waits on the old stream for ever. So a join
is confirmed to the page only when the open stream has named it, or has ended.
"""

ENDED_MS = 100
"""After the end of a stream the page knows of it."""
PATIENCE_MS = 10_000
"""A stream that neither names an event nor ends is left to Gradio."""
SCRIPT = f"""<script>
(() => {{
  const fetched = window.fetch, id = /"event_id":"([^"]+)"/g;
  const after = milliseconds => new Promise(done => setTimeout(done, milliseconds));
  let stream = null;
  const begin = () => {{
    const begun = {{named: new Set(), waiting: [], ended: false}};
    begun.tell = () => {{ begun.waiting.splice(0).forEach(done => done()); }};
    begun.end = () => {{ begun.ended = true; begun.tell(); }};
    return begun;
  }};
  const follow = async (begun, answer) => {{
    const decoder = new TextDecoder(), reader = answer.body.getReader();
    let text = "";
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {{
      text = text.slice(-100) + decoder.decode(piece.value, {{stream: true}});
      for (const found of text.matchAll(id)) begun.named.add(found[1]);
      begun.tell();
    }}
  }};
  const confirm = async (begun, event) => {{
    while (!begun.named.has(event)) {{
      if (begun.ended) return after({ENDED_MS});
      await new Promise(done => begun.waiting.push(done));
    }}
  }};
  window.fetch = async (...request) => {{
    const path = new URL(request[0].url ?? request[0], location.href).pathname;
    if (path.endsWith("/queue/data")) {{
      const begun = stream = begin();
      try {{
        const answer = await fetched(...request);
        // A stream that breaks off is told to the page by its own reader.
        follow(begun, answer.clone()).then(begun.end, begun.end);
        return answer;
      }} catch (error) {{
        begun.end();
        throw error;
      }}
    }}
    const before = stream, answer = await fetched(...request);
    if (before && path.endsWith("/queue/join") && answer.ok) {{
      const {{event_id: event}} = await answer.clone().json();
      await Promise.race([confirm(before, event), after({PATIENCE_MS})]);
    }}
    return answer;
  }};
}})();
</script>"""
