// Reading what arrives bit by bit: lines of text, and server-sent events.

/** Lines without their ends; empty ones are left out. Stopping early cancels the response. */
export async function* readLines(response: Response): AsyncIterable<string> {
  let rest = '';
  for await (const text of texts(response)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
  if (rest !== '') yield rest;
}

export interface ServerEvent {
  readonly id?: string;
  readonly name?: string;
  readonly data?: string;
}

/**
 * Blocks of an event stream as https://html.spec.whatwg.org/multipage/server-sent-events.html describes them, also those without
 * data (which only set the id). Comments are left out; a block that was cut off is not given.
 */
export async function* readServerEvents(response: Response): AsyncIterable<ServerEvent> {
  let rest = '';
  let block: { id?: string; name?: string; data?: string } = {};
  for await (const text of texts(response)) {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (block.id !== undefined || block.data !== undefined) yield block;
        block = {};
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'id') block.id = value;
      else if (field === 'event') block.name = value;
      else if (field === 'data') block.data = block.data === undefined ? value : `${block.data}\n${value}`;
    }
  }
}

async function* texts(response: Response): AsyncIterable<string> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
