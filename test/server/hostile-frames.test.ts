/**
 * For every error of the table that a hub raises: an input that raises exactly this one, and a neighbour on the same
 * hub that notices nothing.
 */
import { ERRORS, type ErrorName } from '@ringhub/protocol';
import { describe, expect, it } from 'vitest';
import { MemoryTransport } from '../../server/src/transports/memory.ts';
import { ANSWERED, CLOSING, ELSEWHERE, type Hostility, TOPIC } from './support/hostilities.ts';
import { HubScene } from './support/hub-scene.ts';
import type { ScriptedClient } from './support/scripted-client.ts';

/** Somebody else on the same hub, whose messages must go on coming. */
class Neighbour {
  private readonly client: ScriptedClient;
  private readonly queue: number;
  private tag = 0;

  constructor(private readonly scene: HubScene) {
    this.client = scene.client('bob');
    this.queue = this.client.subscribe({ bindings: [[TOPIC, 'neighbour']] }).queue;
  }

  expectFine(): void {
    this.client.take();
    this.scene.publishNow('neighbour');
    this.scene.clock.settle();
    expect(this.client.deliveries()).toEqual([`${++this.tag}:neighbour`]);
    this.client.send(['ack', this.queue, this.tag]);
    expect(this.client.closeCode).toBeUndefined();
    expect(this.scene.hub.stats().ledger.residual).toBe(0);
  }
}

function stage({ limits, session, forbidden, durable }: Hostility) {
  const scene = new HubScene({
    ...(durable && { durable }),
    ...(limits && { limits }),
    ...(session && { session }),
    ...(forbidden && { forbidden }),
  });
  scene.hub.declareExchange('empty');
  const neighbour = new Neighbour(scene);
  neighbour.expectFine();
  return { scene, neighbour, client: scene.connect() };
}

describe('the tables', () => {
  it('name every error, once', () => {
    const named = [CLOSING, ANSWERED, ELSEWHERE].flatMap((table) => Object.keys(table));
    expect(named.toSorted()).toEqual(Object.keys(ERRORS).toSorted());
    for (const name of Object.keys(ANSWERED)) expect(ERRORS[name as ErrorName].scope).toBe('command');
    for (const name of Object.keys(CLOSING)) expect(ERRORS[name as ErrorName].scope).not.toBe('command');
    for (const { name, code } of Object.values(ERRORS))
      if (code >= 4500) expect(ELSEWHERE).toHaveProperty([name]);
  });
});

describe('the connection is closed with', () => {
  it.each(Object.entries(CLOSING).map(([name, h]) => [name, h.what, h] as const))(
    '%s where %s',
    (name, _, hostility) => {
      const { scene, neighbour, client } = stage(hostility);
      if (name === 'heartbeat-timeout') {
        // The neighbour answers its pings meanwhile.
        scene.clock.every(10_000, () => neighbour.expectFine());
      }
      const looked = hostility.raise(scene, client) ?? client;
      const { code, text } = ERRORS[name as ErrorName];
      expect(looked.socket.closed).toEqual({ code, reason: text });
      expect(looked.all('error').concat(looked.all('refused') as never)).toEqual([]);
      const { writes } = looked;
      looked.send(['ping']);
      expect(looked.writes).toBe(writes);
      if (name !== 'draining') neighbour.expectFine();
      else expect(scene.hub.stats().ledger.residual).toBe(0);
    },
  );
});

describe('the command is answered with', () => {
  it.each(Object.entries(ANSWERED).map(([name, h]) => [name, h.what, h] as const))(
    '%s for %s',
    (name, _, hostility) => {
      const { scene, neighbour, client } = stage(hostility);
      const looked = hostility.raise(scene, client) ?? client;
      const answers = [...looked.all('error'), ...looked.all('refused')];
      const { code, text } = ERRORS[name as ErrorName];
      expect(answers.map((answer) => [answer.code, answer.text])).toEqual([[code, text]]);
      expect(looked.closeCode).toBeUndefined();
      looked.take();
      looked.send(['ping']);
      expect(looked.takeOf('pong')).toHaveLength(1);
      if (name !== 'unavailable') neighbour.expectFine();
      else expect(scene.hub.stats().ledger.residual).toBe(0);
    },
  );
});

describe('frame-too-large', () => {
  it('closes one connection and no other', () => {
    const scene = new HubScene();
    const neighbour = new Neighbour(scene);
    const steps: (() => void)[] = [];
    const run = (): void => {
      for (let step = steps.shift(); step; step = steps.shift()) step();
    };
    const transport = new MemoryTransport((kind, step) => {
      if (kind !== 'close-grace') steps.push(step);
    });
    transport.start((socket) => scene.gateway.accept(socket), { maxFrameBytes: 1_000, maxConnections: 10 });
    const client = transport.connect();
    let code = 0;
    client.onclose = (event) => {
      code = event.code;
    };
    run();
    client.send(JSON.stringify(['hello', { version: 1, token: 'alice' }]));
    run();
    client.send(JSON.stringify(['publish', 1, TOPIC, 'k', 'x'.repeat(1_000)]));
    run();
    expect(code).toBe(ERRORS['frame-too-large'].code);
    expect(scene.hub.stats().sessions).toEqual({ attached: 1, parked: 1 });
    neighbour.expectFine();
  });
});

describe('hostile text', () => {
  it.each([
    ['nothing', ''],
    ['an empty line first', '\n["ping"]'],
    ['half a frame', '["publish",1,"amq.topic"'],
    ['a number', '5'],
    ['null', 'null'],
    ['an unknown frame', '["shutdown"]'],
    ['a frame of the hub', '["deliver",1,1,[]]'],
    ['a name that is inherited', '["__proto__"]'],
    ['an endless nesting', '['.repeat(100_000)],
    ['a command without a ref', '["subscribe",null,{}]'],
    ['a publish without a number', '["publish","1","amq.topic","k","x"]'],
  ])('%s closes with bad-frame', (_, text) => {
    const scene = new HubScene();
    const neighbour = new Neighbour(scene);
    const client = scene.client().text(text);
    expect(client.closeCode).toBe(ERRORS['bad-frame'].code);
    neighbour.expectFine();
  });

  it('what was sent before a bad frame is done and answered', () => {
    const scene = new HubScene();
    const client = scene.client().text('["publish",1,"amq.topic","k","x"]\n["ping"]\nrubbish\n["ping"]');
    expect(client.closeCode).toBe(ERRORS['bad-frame'].code);
    expect(
      client
        .take()
        .slice(1)
        .map(({ type }) => type),
    ).toEqual(['pong', 'confirm']);
  });
});
