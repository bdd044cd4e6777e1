// A member's client of a room: joins, hears, offers and accepts, and moves the bytes with each other member over whatever way is best.

import type { Link } from '../links/link.ts';
import type { RtcConstructor } from '../links/rtc.ts';
import { openWebrtcLink } from '../links/webrtc.ts';
import { type WebsocketLinks, websocketLinks } from '../links/websocket.ts';
import { type Clock, idSource, type Random, systemClock, systemRandom } from '../model/clock.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { MemberKind } from '../model/room.ts';
import type { ContractTransfer, RoomMessage, RoomTransferView } from '../model/room-contract.ts';
import type { JoinedView, MemberView, RoomDetailView } from '../model/room-views.ts';
import type { NewHash, ReceivingFile, SourceFile } from './files.ts';
import { relayClient } from './relay-client.ts';
import type { PathRule, RoomClient, RoomPermissions, RoomRole, RoomTransfer, RoomView } from './room-client.ts';
import { fromBase64Url, joinKeyOf, roomKeyOf, toBase64Url } from './room-keys.ts';
import { type OpenDirect, RoomPair } from './room-pair.ts';
import { memberOf, problemOf, roomInfoOf } from './room-presentation.ts';
import { greetingsName, openRoomSocket, type RoomServer, type RoomSocketPort, roomServer } from './room-server.ts';
import { type MovingRow, RoomTransfers } from './room-transfers.ts';

export interface OpenRoomOptions {
  /** `https://host:port`; '' for the page's own. */
  readonly server: string;
  readonly roomId: string;
  /** 32 bytes of the link, or as the link has them (base64url). */
  readonly secret: Uint8Array | string;
  /** By which others know this member. */
  readonly name: string;
  readonly kind: MemberKind;
  readonly newHash: NewHash;
  /** Of an earlier time: this member comes back, and hears what it missed after `after`. */
  readonly memberToken?: string;
  readonly after?: number;
  /** A browser's, or that of `loadNodeWebrtc`; left out or null: there is no direct way. */
  readonly RTCPeerConnection?: RtcConstructor | null;
  readonly path?: PathRule;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly random?: Random;
}

const presenceMs = 10_000;
/** Progress is shown at most so often. */
const showMs = 250;

/**
 * Resolves when this member is in the room; its connection follows. Rejects with `not_found` (no such room, or a wrong link), `rate_limited`, `room_full`,
 * `network`.
 */
export async function openRoom(options: OpenRoomOptions): Promise<RoomClient> {
  const secret = typeof options.secret === 'string' ? fromBase64Url(options.secret) : options.secret;
  const server = roomServer(options);
  const joined = await server.join({
    joinKey: toBase64Url(await joinKeyOf(secret, options.roomId)),
    name: options.name,
    kind: options.kind,
    ...(options.memberToken === undefined ? {} : { memberToken: options.memberToken }),
  });
  return new JoinedRoom(options, secret, await roomKeyOf(secret, options.roomId), server, joined);
}

class JoinedRoom implements RoomClient {
  readonly #options: OpenRoomOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #server: RoomServer;
  readonly #socket: RoomSocketPort;
  readonly #links: { current: WebsocketLinks | undefined } = { current: undefined };
  readonly #pairs = new Map<string, RoomPair>();
  readonly #transfers: RoomTransfers;
  readonly #listeners = new Set<() => void>();
  readonly #members = new Map<string, MemberView>();
  readonly #roomKey: Uint8Array;
  readonly #secret: Uint8Array;
  readonly #iceServers: JoinedView['iceServers'];
  readonly #chunkBytes: number;
  readonly #newId: () => string;
  readonly #instance: string;
  readonly #over = new AbortController();
  readonly #me: string;
  #room: RoomDetailView;
  #after: number;
  #connection: RoomView['connection'] = 'joining';
  #problem: Fault | undefined;
  #view: RoomView | undefined;
  #isShowing = false;

  constructor(
    options: OpenRoomOptions,
    secret: Uint8Array,
    roomKey: Uint8Array,
    server: RoomServer,
    { room, member, iceServers, chunkSize, seq }: JoinedView,
  ) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#secret = secret;
    this.#roomKey = roomKey;
    this.#server = server;
    this.#room = room;
    this.#me = member.id;
    this.#iceServers = iceServers;
    this.#chunkBytes = chunkSize;
    this.#after = options.after ?? seq;
    this.#newId = idSource(this.#clock, this.#random);
    this.#instance = this.#newId();
    this.#transfers = new RoomTransfers({
      me: this.#me,
      clock: this.#clock,
      pairWith: (memberId) => this.#pairWith(memberId),
      paths: () => {
        const isOpen = this.#room.inspection === 'none';
        return [...(isOpen ? (['direct'] as const) : []), ...this.#serverPaths(isOpen)];
      },
      say: (event, data) => this.#socket.say(event, data),
      changed: () => this.#show(),
    });
    this.#transfers.setRule(options.path ?? 'auto');
    this.#socket = openRoomSocket(
      { server: options.server, memberToken: server.memberToken, after: () => this.#after },
      {
        ready: ({ room: detail }) => this.#ready(detail),
        message: (message) => this.#hear(message),
        signal: (from, data) => this.#members.has(from) && this.#pairWith(from).hear(data),
        away: () => this.#away(undefined),
        ended: (fault) => this.#end(fault),
      },
    );
    this.#take(room);
    this.#stayPresent().catch(() => undefined);
  }

  get view(): RoomView {
    this.#view ??= this.#look();
    return this.#view;
  }

  get ticket() {
    return { memberToken: this.#server.memberToken, after: this.#after };
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async offer(receiverIds: readonly string[], files: readonly SourceFile[]): Promise<readonly RoomTransfer[]> {
    const offered: RoomTransfer[] = [];
    for (const file of files) {
      for (const receiverId of receiverIds) {
        const row = await this.#server.transfer('POST', 'offer', {
          receiver_id: receiverId,
          filename: file.name,
          file_size: file.sizeBytes,
          mime_type: file.mimeType === '' ? null : file.mimeType,
        });
        this.#transfers.give(row.transfer_id, file);
        this.#takeRow(row);
        const seen = this.view.transfers.find(({ id }) => id === row.transfer_id);
        if (seen !== undefined) offered.push(seen);
      }
    }
    return offered;
  }

  async accept(id: string, into: ReceivingFile): Promise<void> {
    const row = this.#transfers.own(id);
    if (row.receiver_id !== this.#me) throw new Fault('not_authorised', 'Only its receiver accepts a file');
    if (row.status === 'pending') this.#takeRow(await this.#server.transfer('POST', `${id}/accept`));
    this.#transfers.takeInto(id, into);
  }

  letGo(id: string): void {
    this.#transfers.letGo(id);
  }

  async reject(id: string, reason?: string): Promise<void> {
    const body = reason === undefined ? {} : { reason };
    this.#takeRow(await this.#server.transfer('POST', `${id}/reject`, body));
  }

  async giveAgain(id: string, file: SourceFile): Promise<void> {
    const row = this.#transfers.own(id);
    if (row.sender_id !== this.#me) throw new Fault('not_authorised', 'Only its sender gives a file');
    if (row.file_size !== file.sizeBytes) {
      throw new Fault(
        'source_changed',
        `${row.filename} had ${row.file_size} bytes when it was offered, and this file has ${file.sizeBytes}; offer it anew`,
      );
    }
    this.#transfers.give(id, file);
  }

  async pause(id: string): Promise<void> {
    this.#takeRow(await this.#server.transfer('POST', `${id}/pause`));
  }

  async resume(id: string): Promise<void> {
    this.#takeRow(await this.#server.transfer('POST', `${id}/resume`));
  }

  async cancel(id: string): Promise<void> {
    this.#takeRow(await this.#server.transfer('DELETE', id));
  }

  setPath(rule: PathRule): void {
    if (rule === 'direct' && this.#room.inspection === 'server') {
      throw new Fault(
        'unsupported',
        'This room is inspected by its server: all content goes through it, and never directly',
      );
    }
    if (rule === 'relay' && !this.#room.relay) {
      throw new Fault('unsupported', 'This room allows no bytes through its server; leave the path to auto or direct');
    }
    this.#transfers.setRule(rule);
    this.#show(true);
  }

  async setMember(
    memberId: string,
    change: { readonly role?: RoomRole; readonly permissions?: Partial<RoomPermissions> },
  ): Promise<void> {
    await this.#server.room('PUT', `members/${encodeURIComponent(memberId)}`, change);
  }

  async removeMember(memberId: string): Promise<void> {
    await this.#server.room('DELETE', `members/${encodeURIComponent(memberId)}`);
  }

  async leave(): Promise<void> {
    await this.#server.room('POST', 'leave');
    await this.#shut('This member has left the room');
  }

  async close(): Promise<void> {
    await this.#shut('This member has gone away');
  }

  async #shut(reason: string): Promise<void> {
    this.#connection = 'closed';
    this.#over.abort(new Fault('interrupted', reason));
    this.#socket.close();
    this.#links.current?.lose();
    await Promise.all([...this.#pairs.values()].map((pair) => pair.close(reason)));
    this.#show(true);
  }

  #end(fault: Fault): void {
    this.#problem = fault;
    this.#shut(fault.message).catch(() => undefined);
  }

  #ready(room: RoomDetailView): void {
    this.#connection = 'open';
    this.#problem = undefined;
    this.#links.current?.lose();
    this.#links.current = websocketLinks({
      socket: this.#socket.frames,
      clock: this.#clock,
      newId: this.#newId,
      incoming: (link) => this.#incoming(link),
    });
    this.#take(room);
    for (const [id, pair] of this.#pairs) if (this.#members.get(id)?.present) pair.present();
    this.#show(true);
  }

  #incoming(link: Link): void {
    if (this.#members.has(link.peerId)) this.#pairWith(link.peerId).incoming(link);
    else link.close('No such member').catch(() => undefined);
  }

  #away(fault: Fault | undefined): void {
    if (this.#connection === 'closed') return;
    this.#connection = 'away';
    this.#problem = fault ?? new Fault('network', 'The server of the room is away; it is tried again by itself');
    this.#links.current?.lose();
    this.#links.current = undefined;
    this.#show(true);
  }

  /** The whole as the server has it. */
  #take(room: RoomDetailView): void {
    this.#room = room;
    this.#members.clear();
    for (const member of room.members) this.#members.set(member.id, member);
    this.#transfers.takeAll(room.transfers);
    this.#show(true);
  }

  #takeRow(row: ContractTransfer): void {
    this.#transfers.take(row);
    this.#show(true);
  }

  #hear({ type, seq, payload }: RoomMessage): void {
    this.#after = Math.max(this.#after, seq);
    if (type.startsWith('FILE_SHARE_')) {
      if (typeof payload.transfer_id === 'string')
        this.#transfers.take(payload as Partial<RoomTransferView> & MovingRow);
    } else if (type === 'ROOM_CLOSED') {
      this.#end(new Fault('not_found', 'The room has been closed'));
      return;
    } else if (type !== 'JOIN_REFUSED' && typeof payload.id === 'string') {
      this.#hearMember(type, payload as unknown as MemberView);
    }
    this.#show(type !== 'FILE_SHARE_PROGRESS');
  }

  #hearMember(type: RoomMessage['type'], member: MemberView): void {
    const former = this.#members.get(member.id);
    if (type === 'MEMBER_LEFT') {
      this.#members.delete(member.id);
      this.#pairs
        .get(member.id)
        ?.close('That member has left')
        .catch(() => undefined);
      this.#pairs.delete(member.id);
      if (member.id === this.#me) this.#end(new Fault('not_authorised', 'You are no longer in this room'));
      return;
    }
    this.#members.set(member.id, { ...former, ...member });
    if (member.present && former?.present !== true) this.#pairs.get(member.id)?.present();
  }

  #pairWith(memberId: string): RoomPair {
    const known = this.#pairs.get(memberId);
    if (known !== undefined) return known;
    const { server, roomId, fetch: fetching } = this.#options;
    const isOpen = this.#room.inspection === 'none';
    const relay = relayClient({
      ...{ server, roomId, memberToken: this.#server.memberToken, clock: this.#clock, random: this.#random },
      secret: isOpen ? this.#secret : undefined,
      ...(fetching === undefined ? {} : { fetch: fetching }),
    });
    const pair = new RoomPair({
      ...{ me: this.#me, them: memberId, roomKey: this.#roomKey, instance: this.#instance },
      ...{ clock: this.#clock, random: this.#random, newHash: this.#options.newHash },
      relay: this.#room.relay ? relay : undefined,
      openDirect: isOpen ? this.#directWay() : undefined,
      openSocketLink: () => {
        const { current } = this.#links;
        if (current === undefined) throw new Fault('network', 'The server of the room is away');
        return current.open(memberId);
      },
      signal: (data) =>
        isOpen
          ? this.#socket.say('signal', { to: memberId, data })
          : this.#socket.frames.send(memberId, greetingsName, data),
      changed: () => {
        this.#transfers.look();
        this.#show();
      },
    });
    this.#pairs.set(memberId, pair);
    pair.present();
    return pair;
  }

  #directWay(): OpenDirect | undefined {
    const { RTCPeerConnection } = this.#options;
    if (RTCPeerConnection === undefined || RTCPeerConnection === null) return undefined;
    const iceServers = this.#iceServers.map(({ urls, username, credential }) => ({
      urls,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    }));
    return (wanted) =>
      openWebrtcLink({ ...wanted, RTCPeerConnection, iceServers, clock: this.#clock, newId: this.#newId });
  }

  #serverPaths(isOpen: boolean): readonly ('relay' | 'socket')[] {
    if (!this.#room.relay) return [];
    return isOpen ? ['relay', 'socket'] : ['relay'];
  }

  async #stayPresent(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await this.#clock.sleep(presenceMs, signal);
      if (this.#connection === 'open') await this.#socket.say('presence', {}).catch(() => undefined);
    }
  }

  /** Listeners are told: at once, or with what else changes within a moment. */
  #show(isAtOnce = false): void {
    if (isAtOnce) {
      this.#view = undefined;
      for (const each of [...this.#listeners]) each();
      return;
    }
    if (this.#isShowing) return;
    this.#isShowing = true;
    this.#clock
      .sleep(showMs, this.#over.signal)
      .catch(() => undefined)
      .finally(() => {
        this.#isShowing = false;
        this.#show(true);
      });
  }

  #look(): RoomView {
    const me = this.#members.get(this.#me);
    const members = [...this.#members.values()].map(memberOf);
    return {
      connection: this.#connection,
      room: roomInfoOf(this.#room, this.#chunkBytes),
      me: members.find(({ id }) => id === this.#me) ?? memberOf(me ?? nobody(this.#me, this.#options)),
      members,
      transfers: this.#transfers.views(),
      pathRule: this.#transfers.rule,
      problem: this.#problem === undefined ? undefined : problemOf(asFault(this.#problem)),
    };
  }
}

/** Between leaving and being told of it. */
function nobody(id: string, { name, kind }: OpenRoomOptions): MemberView {
  const permissions = { canShareFiles: false, canManageMembers: false };
  return { id, name, kind, role: 'observer', permissions, present: false, joinedAt: new Date(0).toISOString() };
}
