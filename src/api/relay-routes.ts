// The relay over HTTP: resumable uploads by tus 1.0, and their growing reading, for members of a room.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Relay } from '../engine/relay/relay.ts';
import type { RelayGate } from '../engine/relay/relay-gate.ts';
import type { Upload } from '../engine/relay/upload.ts';
import { Fault } from '../model/fault.ts';
import { RequestFault } from './problem.ts';
import {
  numberIn,
  rangeStart,
  readMetadata,
  relayPath,
  tusExtensions,
  tusHeaders,
  tusVersion,
  uploadMediaType,
} from './relay-headers.ts';
import { answerReading } from './relay-reading.ts';

export interface RelayDoor {
  readonly relay: Relay;
  readonly gate: RelayGate;
  /** Rejects with `unreachable` until the rooms are known: nobody shall take an upload for gone that is still there. */
  readonly requireReady: () => void;
}

interface RelayRequest {
  readonly Params: { readonly roomId: string; readonly uploadId: string };
}

const acknowledgementSchema = z.strictObject({ offset: z.int().nonnegative() });

/** What is left of a refused upload's body is read for so long, so that its sender gets to hear why. */
const hearingMs = 5_000;

/** Adds the routes below `/api/v1/rooms/{id}/relay`. Bodies of uploads are not parsed, nor limited in size or time. */
export function addRelayRoutes(server: FastifyInstance, { relay, gate, requireReady }: RelayDoor): void {
  const onePath = `${relayPath}/:uploadId`;

  const memberOf = async (request: FastifyRequest<RelayRequest>): Promise<string> => {
    requireReady();
    const bearer = /^Bearer ([\x21-\x7e]{1,500})$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer === undefined) throw new Fault('not_authenticated', 'The relay needs a member’s token.');
    const member = await gate.memberOf(request.params.roomId, bearer);
    if (member === undefined) throw new Fault('not_found', 'There is no such room.');
    return member;
  };
  const uploadFor = async (request: FastifyRequest<RelayRequest>) => {
    const member = await memberOf(request);
    const { roomId, uploadId } = request.params;
    return { member, upload: relay.find(roomId, member, uploadId) };
  };
  const senders = async (request: FastifyRequest<RelayRequest>): Promise<Upload> => {
    const { member, upload } = await uploadFor(request);
    if (upload.facts.senderId !== member) throw new Fault('not_authorised', 'Only its sender may do that.');
    return upload;
  };

  void server.register(async (scope) => {
    scope.removeContentTypeParser(uploadMediaType);
    scope.addContentTypeParser(uploadMediaType, (_request, body, done) => done(null, body));
    scope.addHook('onRequest', async (request, reply) => {
      reply.headers({
        'tus-resumable': tusVersion,
        'cache-control': 'no-store',
        'access-control-expose-headers': tusHeaders.response,
        'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
      });
      const isTus = ['POST', 'HEAD', 'PATCH', 'DELETE'].includes(request.method);
      if (!isTus || request.url.split('?', 1)[0]?.endsWith('/acknowledged')) return;
      if (request.headers['tus-resumable'] === tusVersion) return;
      reply.header('tus-version', tusVersion);
      throw Object.assign(new Error(`The relay speaks tus ${tusVersion}.`), { statusCode: 412 });
    });

    scope.options(relayPath, async (_request, reply) => {
      await reply.status(204).headers({ 'tus-version': tusVersion, 'tus-extension': tusExtensions }).send();
      return reply;
    });

    scope.post<RelayRequest>(relayPath, async (request, reply) => {
      const senderId = await memberOf(request);
      const { roomId } = request.params;
      const sizeBytes = numberIn(request.headers, 'upload-length');
      const { text, ...wanted } = readMetadata(request.headers['upload-metadata']);
      const upload = await relay.create({ roomId, senderId, sizeBytes, ...wanted, metadata: text });
      reply.headers({ location: `${request.url.split('?', 1)[0]}/${upload.id}`, ...expires(upload) });
      return reply.status(201).send();
    });

    scope.head<RelayRequest>(onePath, async (request, reply) => {
      const upload = await senders(request);
      const offset = await relay.offset(upload);
      return reply
        .headers({
          'upload-offset': String(offset),
          'upload-length': String(upload.sizeBytes),
          'upload-metadata': upload.facts.metadata,
          ...expires(upload),
        })
        .send();
    });

    scope.patch<RelayRequest>(onePath, async (request, reply) => {
      try {
        const upload = await senders(request);
        const offset = numberIn(request.headers, 'upload-offset');
        const next = await relay.send(upload, request.raw, offset);
        reply.headers({ 'upload-offset': String(next), ...expires(upload) });
      } catch (error) {
        hearOut(request);
        throw error;
      }
      return reply.status(204).send();
    });

    scope.delete<RelayRequest>(onePath, async (request, reply) => {
      await relay.remove(await senders(request));
      return reply.status(204).send();
    });

    scope.get<RelayRequest>(onePath, async (request, reply) => {
      const { member, upload } = await uploadFor(request);
      const from = rangeStart(request.headers.range);
      const { sizeBytes } = upload;
      if (from > sizeBytes || (from === sizeBytes && sizeBytes > 0)) {
        reply.header('content-range', `bytes */${sizeBytes}`);
        throw Object.assign(new Error(`The upload has ${sizeBytes} bytes.`), { statusCode: 416 });
      }
      const reading = await relay.read(upload, member, from);
      reply.hijack();
      const range = { 'content-range': `bytes ${from}-${sizeBytes - 1}/${sizeBytes}` };
      const isPart = request.headers.range !== undefined && sizeBytes > 0;
      reply.raw.writeHead(isPart ? 206 : 200, {
        ...sentHeaders(reply),
        'accept-ranges': 'bytes',
        'content-type': 'application/octet-stream',
        'content-disposition': 'attachment',
        'content-length': sizeBytes - from,
        ...(isPart ? range : {}),
      });
      // The receiver knows that it has been let in before the first byte is there.
      reply.raw.flushHeaders();
      await answerReading(reading, reply.raw);
    });

    scope.post<RelayRequest>(`${onePath}/acknowledged`, async (request, reply) => {
      const { member, upload } = await uploadFor(request);
      const read = acknowledgementSchema.safeParse(request.body);
      if (!read.success) throw new RequestFault('body', read.error);
      relay.acknowledge(upload, member, read.data.offset);
      return reply.send({ acknowledged: upload.spool.acknowledgedBytes });
    });
  });

  function expires(upload: Upload): Record<string, string> {
    return { 'upload-expires': new Date(relay.expiresAt(upload)).toUTCString() };
  }
}

/** Lets the rest of a body run out unread for a moment: a connection that is closed at once loses the answer with it. */
function hearOut({ raw }: FastifyRequest<RelayRequest>): void {
  if (raw.complete || raw.destroyed) return;
  const timer = setTimeout(() => raw.destroy(), hearingMs).unref();
  raw.once('close', () => clearTimeout(timer));
  raw.resume();
}

function sentHeaders(reply: FastifyReply): Record<string, string | number | string[]> {
  const headers: Record<string, string | number | string[]> = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) headers[name] = value;
  return headers;
}
