// The list of sinks, by the kind of their address.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Sink } from './sink.ts';
import { webhookSink } from './webhook.ts';

export interface SinkOptions {
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  /** Allows private and loopback addresses. */
  readonly allowPrivate: boolean;
}

/** Rejects with `unsupported` for an address of no known kind, and with `invalid`. */
export function openSink(options: SinkOptions): Sink {
  if (/^https?:\/\//i.test(options.url)) return webhookSink(options);
  throw new Fault(
    'unsupported',
    `Events cannot be sent to ${displayPath(options.url)}: write an http or https address.`,
  );
}
