// Cameras at addresses: who answers is there, who has only missed a question is not gone yet, and who is another is refused.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { DeviceCall, DeviceInfo } from './device.ts';

export interface HttpCameras<Info extends DeviceInfo> {
  discover(addresses: readonly string[], call: DeviceCall): AsyncGenerator<Info>;
  /** What the camera says of itself now. Rejects with `device` where nobody, or another one, is at its address. */
  present(info: DeviceInfo, call: DeviceCall): Promise<Info & { readonly address: string }>;
}

/** A camera that sends a large file may be slow to answer; so often in a row it may not answer before it counts as gone. */
const missesAllowed = 3;
const answerMs = 4_000;

/** `ask` asks who is at an address. */
export function httpCameras<Info extends DeviceInfo>(
  ask: (address: string, call: DeviceCall) => Promise<Info>,
): HttpCameras<Info> {
  const seen = new Map<string, { readonly info: Info; misses: number }>();
  const inTime = (address: string, { signal }: DeviceCall) =>
    ask(address, { signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]) });

  const lookAt = async (address: string, call: DeviceCall): Promise<Info | undefined> => {
    try {
      const info = await inTime(address, call);
      seen.set(address, { info, misses: 0 });
      return info;
    } catch (error) {
      call.signal.throwIfAborted();
      const before = seen.get(address);
      // Nobody listens there: that is an answer, too.
      const isAway = error instanceof Fault && error.code === 'device';
      if (before === undefined || isAway || ++before.misses >= missesAllowed) {
        seen.delete(address);
        return undefined;
      }
      return before.info;
    }
  };

  return {
    async *discover(addresses, call) {
      const looks = [...new Set(addresses)].map((address) => lookAt(address, call));
      // One that rejects while another is waited for has been heard, too.
      for (const look of looks) look.catch(() => undefined);
      for (const look of looks) {
        const info = await look;
        if (info !== undefined) yield info;
      }
    },
    async present(info, call) {
      const { address } = info;
      const name = displayPath(info.name);
      if (address === undefined) throw new Fault('device', `${name} has no address.`);
      let now: Info;
      try {
        now = await inTime(address, call);
      } catch (error) {
        call.signal.throwIfAborted();
        if (error instanceof Fault) throw error;
        throw new Fault('device', `${name} does not answer at ${displayPath(address)}.`, { cause: error });
      }
      if (now.id === info.id) return { ...now, address };
      throw new Fault('device', `Another camera than ${name} is at ${displayPath(address)}: ${displayPath(now.name)}.`);
    },
  };
}
