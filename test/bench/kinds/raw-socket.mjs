import { once } from 'node:events';
import { connect } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { ECHO } from '../lib/payloads.mjs';

/**
 * The limit in practice: bare sockets that speak Nest's wire format to stock servers, the frames of a tick written together. No
 * Observable, no errors, no timeouts, no reconnecting; nobody could use it.
 */
export function createClient() {
  let connections;
  let i = 0;
  return {
    async start(ports) {
      connections = await Promise.all(ports.map(open));
    },
    call(payload, done) {
      connections[i++ % connections.length].send(payload, done);
    },
    stop: () => connections.forEach(({ socket }) => socket.destroy()),
  };
}

async function open(port) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  const waiting = new Map();
  let lastId = 0;
  let batch = '';

  const flush = () => {
    socket.write(batch);
    batch = '';
  };
  const receive = ({ id, err, response }) => {
    const done = waiting.get(id);
    waiting.delete(id);
    done(err, response);
  };
  readFrames(socket, receive);
  return {
    socket,
    send(data, done) {
      const id = ++lastId;
      waiting.set(id, done);
      const json = JSON.stringify({ pattern: ECHO, data, id });
      if (batch === '') process.nextTick(flush);
      batch += `${json.length}#${json}`;
    },
  };
}

function readFrames(socket, receive) {
  const decoder = new StringDecoder('utf8');
  let text = '';
  socket.on('data', (chunk) => {
    text += decoder.write(chunk);
    let cursor = 0;
    for (;;) {
      const hash = text.indexOf('#', cursor);
      if (hash === -1) break;
      const end = hash + 1 + Number(text.slice(cursor, hash));
      if (end > text.length) break;
      cursor = end;
      receive(JSON.parse(text.slice(hash + 1, end)));
    }
    text = text.slice(cursor);
  });
}
