import { StringDecoder } from 'node:string_decoder';

/** One message of an event stream. */
export interface ServerEvent {
  /** Its kind; empty unless the server gives one. */
  readonly kind: string;
  readonly data: string;
}

/** A line that is longer is no message of a chat. */
const LONGEST_LINE = 16 * 1024 * 1024;
const LINE_END = /\r\n|\n|\r/;

/**
 * The messages of a `text/event-stream` (WHATWG HTML, section 9.2), however its bytes are cut into pieces. The last one counts also where the
 * empty line behind it is missing. Throws a `SyntaxError` for a line without an end.
 */
export async function* serverEvents(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new StringDecoder('utf8');
  const message = new Message();
  let unfinished = '';
  let returned = false;
  for await (const piece of bytes) {
    let text = decoder.write(piece as Buffer);
    if (text === '') continue;
    // The second half of a line end whose first half was the last of the piece before.
    if (returned && text.startsWith('\n')) text = text.slice(1);
    returned = text.endsWith('\r');
    const lines = text.split(LINE_END);
    lines[0] = unfinished + lines[0];
    unfinished = lines.pop() ?? '';
    if (unfinished.length > LONGEST_LINE) throw new SyntaxError('a line of the stream does not end');
    for (const line of lines) {
      const event = message.add(line);
      if (event !== undefined) yield event;
    }
  }
  for (const line of [unfinished + decoder.end(), '']) {
    const last = message.add(line);
    if (last !== undefined) yield last;
  }
}

/** What the lines so far say. */
class Message {
  #kind = '';
  #data: string | undefined;

  /** Takes up a line; an empty one ends the message, which is given back if it has data. */
  add(line: string): ServerEvent | undefined {
    if (line === '') {
      const event = this.#data === undefined ? undefined : { kind: this.#kind, data: this.#data };
      this.#kind = '';
      this.#data = undefined;
      return event;
    }
    if (line.startsWith('data:')) {
      const value = textBehind(line, 'data:'.length);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (line.startsWith('event:')) this.#kind = textBehind(line, 'event:'.length);
    return undefined;
  }
}

/** What stands behind the colon; one blank belongs to it. */
function textBehind(line: string, start: number): string {
  return line.slice(line[start] === ' ' ? start + 1 : start);
}
